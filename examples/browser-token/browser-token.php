<?php
// A browser token for Twofold, made by the shop's server. PHP 7.3 or later, no packages.
declare(strict_types=1);

/** A token for the page that is being rendered. $bound may hold names, order, value, currency and visitor. */
function browser_token(string $secret, string $dataset, array $bound = [], int $lifeS = 3600): string
{
    $claims = ['dataset' => $dataset, 'exp' => time() + $lifeS] + $bound;
    $flags = JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE | JSON_THROW_ON_ERROR;
    $body = base64url(json_encode($claims, $flags));
    return $body . '.' . base64url(hash_hmac('sha256', $body, $secret, true));
}

function base64url(string $data): string
{
    return rtrim(strtr(base64_encode($data), '+/', '-_'), '=');
}

// php browser-token.php SECRET '{"dataset": "1234567890", "order": "1001", "value": 42.5, "currency": "EUR"}'
if (PHP_SAPI === 'cli' && isset($argv[2]) && realpath($argv[0]) === __FILE__) {
    $bound = json_decode($argv[2], true, 8, JSON_THROW_ON_ERROR);
    $dataset = $bound['dataset'];
    unset($bound['dataset']);
    echo browser_token($argv[1], $dataset, $bound), "\n";
}
