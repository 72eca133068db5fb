<?php
// One order to the gateway, signed. PHP 7.4 or newer with its curl extension.

function send(string $address, string $secret, array $order): int
{
    $body = json_encode($order, JSON_THROW_ON_ERROR | JSON_UNESCAPED_SLASHES | JSON_PRESERVE_ZERO_FRACTION);
    $now = (string) time();
    $signature = hash_hmac('sha256', $now . '.' . $body, $secret);
    $curl = curl_init($address);
    curl_setopt_array($curl, [
        CURLOPT_POSTFIELDS => $body,
        CURLOPT_HTTPHEADER => ['Content-Type: application/json', "X-Twofold-Signature: t=$now,v1=$signature"],
        CURLOPT_RETURNTRANSFER => true,
        CURLOPT_TIMEOUT => 10,
    ]);
    curl_exec($curl);
    return curl_getinfo($curl, CURLINFO_RESPONSE_CODE);
}

if (getenv('ADDRESS')) {
    echo send(getenv('ADDRESS'), getenv('OWN_SECRET'), json_decode(file_get_contents(getenv('ORDER')), true)), "\n";
}
