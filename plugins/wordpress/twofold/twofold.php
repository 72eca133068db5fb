<?php
/**
 * Plugin Name:          Twofold for WooCommerce
 * Description:          Tells your own Twofold gateway what happens in the shop: the tag, what an order needs, consent, one id for the browser's and the server's Purchase, and the webhooks.
 * Version:              {VERSION}
 * Requires at least:    5.9
 * Requires PHP:         7.4
 * WC requires at least: 7.2
 * License:              Apache-2.0
 * License URI:          https://www.apache.org/licenses/LICENSE-2.0
 * Text Domain:          twofold
 *
 * Owns what belongs to WordPress: the settings, the page on which they are paired, the webhooks. What it prints into pages and
 * keeps with orders is includes/functions.php, which also works without this plugin.
 */

defined( 'ABSPATH' ) || exit;

require_once __DIR__ . '/includes/pairing.php';
require_once __DIR__ . '/includes/webhooks.php';
require_once __DIR__ . '/includes/settings-page.php';

$twofold_pairing = twofold_pairing();
if ( $twofold_pairing ) {
	// What includes/functions.php is written with, before it is read.
	defined( 'TWOFOLD_TAG' ) || define( 'TWOFOLD_TAG', $twofold_pairing['tag'] );
	defined( 'TWOFOLD_DATASET' ) || define( 'TWOFOLD_DATASET', $twofold_pairing['dataset'] );
	defined( 'TWOFOLD_SHOP' ) || define( 'TWOFOLD_SHOP', $twofold_pairing['shop'] );
	if ( 'order' === $twofold_pairing['ids'] ) {
		defined( 'TWOFOLD_IDS' ) || define( 'TWOFOLD_IDS', 'order' );
	}
	// The same file as wp-content/mu-plugins/twofold.php would print everything twice.
	if ( ! function_exists( 'twofold_print_tag' ) ) {
		require_once __DIR__ . '/includes/functions.php';
	}
}
unset( $twofold_pairing );

/**
 * Works with orders in tables of their own, too; WooCommerce asks each plugin to say so.
 */
function twofold_declare_compatibility() {
	if ( class_exists( '\Automattic\WooCommerce\Utilities\FeaturesUtil' ) ) {
		\Automattic\WooCommerce\Utilities\FeaturesUtil::declare_compatibility( 'custom_order_tables', __FILE__, true );
		\Automattic\WooCommerce\Utilities\FeaturesUtil::declare_compatibility( 'cart_checkout_blocks', __FILE__, true );
	}
}
add_action( 'before_woocommerce_init', 'twofold_declare_compatibility' );
