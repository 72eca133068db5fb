<?php
/**
 * The code that `twofold connect woocommerce --code` prints, and what is kept of it.
 *
 * Owns its form: "twofold1.", the values as JSON in base64url, a dot and eight digits by which a typing error is found. The code holds
 * the webhooks' secret: it is handed to WooCommerce and not kept here. Everything else in it stands in the shop's pages anyway.
 */

defined( 'ABSPATH' ) || exit;

const TWOFOLD_OPTION = 'twofold_pairing';

/**
 * What is kept: tag, dataset, shop, ids, webhook; null before a code was entered, and for an option that is none of ours.
 */
function twofold_pairing() {
	$kept = get_option( TWOFOLD_OPTION );
	if ( ! is_array( $kept ) ) {
		return null;
	}
	$kept = array_merge( array( 'ids' => 'secret' ), $kept );
	foreach ( array( 'tag', 'dataset', 'shop', 'webhook' ) as $name ) {
		if ( empty( $kept[ $name ] ) || ! is_string( $kept[ $name ] ) ) {
			return null;
		}
	}
	return $kept;
}

/**
 * A code to its values, with the secret; or one sentence that says what is wrong with it, without the code.
 *
 * @param string $code As it was pasted.
 * @return array|string
 */
function twofold_read_code( $code ) {
	$code = preg_replace( '/\s+/', '', (string) $code ); // a long line breaks when it is copied
	if ( ! preg_match( '/^twofold1\.([A-Za-z0-9_-]{20,4000})\.([0-9a-f]{8})$/D', $code, $parts ) ) {
		return 'That is no code of Twofold\'s: it begins with "twofold1." and is one line of `twofold connect woocommerce --code`.';
	}
	if ( ! hash_equals( substr( hash( 'sha256', $parts[1] ), 0, 8 ), $parts[2] ) ) {
		return 'The code is not whole: a part was left out or changed when it was copied.';
	}
	$json   = base64_decode( strtr( $parts[1], '-_', '+/' ), true ); // phpcs:ignore WordPress.PHP.DiscouragedPHPFunctions
	$values = is_string( $json ) ? json_decode( $json, true ) : null;
	$forms  = array(
		'tag'     => '#^https?://[A-Za-z0-9.:\[\]-]+/[A-Za-z0-9._~/-]*twofold\.js$#D',
		'webhook' => '#^https?://[A-Za-z0-9.:\[\]-]+/[A-Za-z0-9._~/-]+$#D',
		'dataset' => '#^[A-Za-z0-9_-]{1,64}$#D',
		'shop'    => '#^[A-Za-z0-9._:-]{1,253}$#D',
		'secret'  => '#^[!-~]{16,200}$#D',
		'ids'     => '#^(secret|order|native)$#D',
	);
	foreach ( $forms as $name => $form ) {
		if ( ! is_array( $values ) || ! isset( $values[ $name ] ) || ! is_string( $values[ $name ] ) || ! preg_match( $form, $values[ $name ] ) ) {
			return "The code is from another version of Twofold: its $name cannot be read.";
		}
	}
	return array_intersect_key( $values, $forms );
}

/**
 * Keeps what the pages need, makes the webhooks, and forgets the secret. One sentence for each thing that did not go well.
 *
 * @param array $values As `twofold_read_code` gives them.
 * @return string[]
 */
function twofold_pair( array $values ) {
	$secret = $values['secret'];
	unset( $values['secret'] );
	$before = twofold_pairing();
	update_option( TWOFOLD_OPTION, $values );
	if ( $before && $before['webhook'] !== $values['webhook'] ) {
		twofold_remove_webhooks( $before['webhook'] ); // of the gateway before
	}
	return twofold_make_webhooks( $values['webhook'], $secret );
}

/**
 * Takes away what pairing made, and nothing else.
 */
function twofold_unpair() {
	$pairing = twofold_pairing();
	if ( $pairing ) {
		twofold_remove_webhooks( $pairing['webhook'] );
	}
	delete_option( TWOFOLD_OPTION );
}
