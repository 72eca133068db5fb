<?php
/**
 * Twofold for WooCommerce: to be added to the functions.php of your theme (a child theme, so that an update keeps it),
 * or saved as wp-content/mu-plugins/twofold.php. docs/woocommerce.md says what each part is for.
 *
 * Needs WooCommerce 7.2 and PHP 7.4 or newer. Works with the classic and the block checkout, and with orders kept in
 * posts or in tables of their own (HPOS). Holds no secret: the webhook's secret stands in WooCommerce's settings only.
 */

// Known already where the plugin, which reads this file too, was paired. The tag of your gateway, the dataset (pixel) id, and the `shop` of the source in twofold.toml, letter for letter:
// the id of a Purchase is made from it on both sides.
defined( 'TWOFOLD_TAG' ) || define( 'TWOFOLD_TAG', 'https://gateway.shop.example/t/twofold.js' );
defined( 'TWOFOLD_DATASET' ) || define( 'TWOFOLD_DATASET', '1234567890' );
defined( 'TWOFOLD_SHOP' ) || define( 'TWOFOLD_SHOP', 'shop.example' );

/**
 * Cookies that are kept with the order, by the name of the order meta; the webhook brings them back.
 */
function twofold_cookies() {
	$kept = array(
		'_fbp' => '_fbp',
		'_fbc' => '_fbc',
	);
	$others = array( '_ga', '_gcl_aw', '_gcl_gb', '_uetmsclkid', '_ttp', 'ttclid', '_epik', '_scid', '_rdt_uuid', 'li_fat_id', '_twclid' );
	foreach ( $others as $name ) {
		$kept[ '_twofold_' . $name ] = $name;
	}
	return $kept;
}

/**
 * Meta's own plugin (facebook-for-woocommerce) tracks by itself; the tag hears it, and the webhook has its event id.
 */
function twofold_has_meta_plugin() {
	return function_exists( 'facebook_for_woocommerce' );
}

/**
 * What the shopper said about marketing: "granted", "denied", or "" when nobody asked. Read through the WP Consent API,
 * which most banners speak; a banner that does not can answer the filter.
 */
function twofold_consent() {
	$said = '';
	if ( function_exists( 'wp_has_consent' ) && function_exists( 'wp_get_consent_type' ) && wp_get_consent_type() ) {
		$said = wp_has_consent( 'marketing' ) ? 'granted' : 'denied';
	}
	return (string) apply_filters( 'twofold_consent', $said );
}

/**
 * The tag, before any snippet of Meta's. The same for every visitor, so that pages may be cached.
 */
function twofold_print_tag() {
	// A plain script in the head on purpose: an enqueued one may be delayed behind the library it must precede.
	printf( '<script src="%s"></script>' . "\n", esc_url( TWOFOLD_TAG ) ); // phpcs:ignore WordPress.WP.EnqueuedResources
	if ( ! twofold_has_meta_plugin() ) {
		printf( "<script>window.fbq && ( fbq('init', %s), fbq('track', 'PageView') );</script>\n", wp_json_encode( TWOFOLD_DATASET ) );
	}
}
add_action( 'wp_head', 'twofold_print_tag', 1 );

/**
 * Keeps with the order what only this browser knows. Runs before the order is saved, so the first webhook has it.
 *
 * @param WC_Order $order The order that is being placed.
 */
function twofold_keep_with_order( $order ) {
	$consent = twofold_consent();
	$order->update_meta_data( '_twofold_consent', $consent );
	foreach ( twofold_cookies() as $meta => $cookie ) {
		$value = isset( $_COOKIE[ $cookie ] ) ? wp_unslash( $_COOKIE[ $cookie ] ) : ''; // phpcs:ignore WordPress.Security.ValidatedSanitizedInput -- checked below, never changed
		$fits  = is_string( $value ) && preg_match( '/^[A-Za-z0-9._~%:\/+=|,!$*()-]{1,500}$/D', $value );
		if ( $fits && 'denied' !== $consent ) {
			$order->update_meta_data( $meta, $value );
		} else {
			$order->delete_meta_data( $meta ); // a second try on the same order, after consent was taken back
		}
	}
}
add_action( 'woocommerce_checkout_create_order', 'twofold_keep_with_order' );
add_action( 'woocommerce_store_api_checkout_update_order_from_request', 'twofold_keep_with_order' );

/**
 * The order of a thank-you page, for the one who has its key; null on all other pages.
 */
function twofold_received_order() {
	if ( ! function_exists( 'is_wc_endpoint_url' ) || ! is_wc_endpoint_url( 'order-received' ) ) {
		return null;
	}
	$order = wc_get_order( absint( get_query_var( 'order-received' ) ) );
	$key   = isset( $_GET['key'] ) ? sanitize_text_field( wp_unslash( $_GET['key'] ) ) : ''; // phpcs:ignore WordPress.Security.NonceVerification
	return $order instanceof WC_Order && '' !== $key && $order->key_is_valid( $key ) ? $order : null;
}

/**
 * The Purchase's id, as the gateway makes it from the webhook: from the order's key, which only its buyer and the shop
 * know, so that nobody else can send it first. Define TWOFOLD_IDS as 'order' while the source has event_id = "order".
 *
 * @param WC_Order $order The order.
 */
function twofold_purchase_id( $order ) {
	$key = (string) $order->get_order_key();
	if ( strlen( $key ) < 16 || ( defined( 'TWOFOLD_IDS' ) && 'order' === TWOFOLD_IDS ) ) {
		return 'purchase.' . TWOFOLD_SHOP . '.' . $order->get_id();
	}
	return 'purchase.' . substr( hash( 'sha256', 'order_key:' . $key ), 0, 32 );
}

/**
 * The Purchase as the browser reports it: the same id and order as the webhook's, so the two are one. It may be printed
 * for every order, paid or not, and at every reload: when an order counts is the gateway's policy.
 */
function twofold_print_purchase() {
	$order = twofold_received_order();
	if ( ! $order || $order->has_status( array( 'failed', 'cancelled' ) ) || twofold_has_meta_plugin() ) {
		return;
	}
	$contents = array();
	foreach ( $order->get_items() as $item ) {
		$quantity = $item->get_quantity();
		if ( ! $item instanceof WC_Order_Item_Product || $quantity <= 0 ) {
			continue;
		}
		$contents[] = array(
			'id'         => (string) ( $item->get_variation_id() ? $item->get_variation_id() : $item->get_product_id() ),
			'quantity'   => floor( $quantity ) == $quantity ? (int) $quantity : 1,
			'item_price' => (float) $order->get_item_subtotal( $item, $order->get_prices_include_tax() ),
		);
	}
	$purchase = array(
		'value'        => (float) $order->get_total(),
		'currency'     => $order->get_currency(),
		'order_id'     => (string) $order->get_id(),
		'content_type' => 'product',
		'contents'     => $contents,
	);
	$options = array( 'eventID' => twofold_purchase_id( $order ) );
	$flags   = JSON_HEX_TAG | JSON_HEX_AMP | JSON_HEX_APOS | JSON_HEX_QUOT;
	printf( "<script>window.fbq && fbq('track', 'Purchase', %s, %s);</script>\n", wp_json_encode( $purchase, $flags ), wp_json_encode( $options, $flags ) );
}
add_action( 'wp_footer', 'twofold_print_purchase' );
