<?php
/**
 * WooCommerce > Twofold: a code in, what it made, and a button that takes it away.
 *
 * Owns the page and its two forms. Who may manage WooCommerce may use it, and only from the page itself (nonces). It shows no secret.
 */

defined( 'ABSPATH' ) || exit;

const TWOFOLD_PAGE = 'twofold';

/**
 * In WooCommerce's menu; in Settings, where WooCommerce is not active.
 */
function twofold_menu() {
	$parent = class_exists( 'WooCommerce' ) ? 'woocommerce' : 'options-general.php';
	add_submenu_page( $parent, 'Twofold', 'Twofold', twofold_capability(), TWOFOLD_PAGE, 'twofold_print_page' );
}
add_action( 'admin_menu', 'twofold_menu' );

/**
 * Who may pair: who may change WooCommerce's settings and webhooks.
 */
function twofold_capability() {
	return class_exists( 'WooCommerce' ) ? 'manage_woocommerce' : 'manage_options';
}

/**
 * One of the two forms was sent. Answers the sentences that the page shows, each with its kind: success, or error where it was not done.
 *
 * @param array $sent The request's fields.
 * @return string[]
 */
function twofold_handle( array $sent ) {
	if ( ! current_user_can( twofold_capability() ) ) {
		return array( 'You may not change this.' => 'error' );
	}
	if ( isset( $sent['twofold_unpair'] ) ) {
		twofold_unpair();
		return array( 'This shop is not paired any more.' => 'success' );
	}
	$values = twofold_read_code( isset( $sent['twofold_code'] ) ? wp_unslash( $sent['twofold_code'] ) : '' );
	if ( is_string( $values ) ) {
		return array( $values => 'error' );
	}
	$problems = twofold_pair( $values );
	return $problems ? array_fill_keys( $problems, 'error' ) : array( 'Paired. Place a test order and look at it: twofold orders list' => 'success' );
}

/**
 * The command that prints this shop's code, as it is pasted.
 *
 * @param array|null $pairing As `twofold_pairing` gives it.
 */
function twofold_command( $pairing ) {
	$host = (string) wp_parse_url( home_url(), PHP_URL_HOST );
	return 'twofold connect woocommerce --code --shop ' . ( $pairing ? $pairing['shop'] : preg_replace( '/^www\./', '', $host ) );
}

/**
 * The page.
 */
function twofold_print_page() {
	$said = array();
	if ( isset( $_POST['twofold_nonce'] ) ) {
		check_admin_referer( 'twofold', 'twofold_nonce' );
		$said = twofold_handle( $_POST );
	}
	$pairing = twofold_pairing();
	echo '<div class="wrap"><h1>Twofold</h1>';
	foreach ( $said as $sentence => $kind ) {
		printf( '<div class="notice notice-%s"><p>%s</p></div>', esc_attr( $kind ), esc_html( $sentence ) );
	}
	if ( $pairing ) {
		twofold_print_state( $pairing );
	}
	echo '<form method="post"><h2>' . ( $pairing ? 'Another code' : 'Pair this shop with your gateway' ) . '</h2>';
	printf( '<p>On the machine of the gateway, in the folder of its configuration, <code>%s</code> prints a code. It is a secret: enter it here and nowhere else.</p>', esc_html( twofold_command( $pairing ) ) );
	echo '<p><label for="twofold_code">Code</label><br><textarea id="twofold_code" name="twofold_code" rows="4" class="large-text code" autocomplete="off" spellcheck="false" required></textarea></p>';
	wp_nonce_field( 'twofold', 'twofold_nonce' );
	submit_button( 'Pair' );
	echo '</form></div>';
}

/**
 * What is paired, and how its webhooks are.
 *
 * @param array $pairing As `twofold_pairing` gives it.
 */
function twofold_print_state( array $pairing ) {
	$rows = array(
		'Tag'     => $pairing['tag'],
		'Dataset' => $pairing['dataset'],
		'Shop'    => $pairing['shop'],
	);
	$webhooks = twofold_webhooks( $pairing['webhook'] );
	foreach ( TWOFOLD_TOPICS as $topic ) {
		$status                   = isset( $webhooks[ $topic ] ) ? $webhooks[ $topic ]->get_status() : 'missing';
		$rows[ "Webhook $topic" ] = 'active' === $status ? 'active' : "$status: enter the code again";
	}
	if ( twofold_has_meta_plugin_active() ) {
		$rows['Meta\'s own plugin'] = 'is active and sends the Purchase; the gateway uses its event id';
	}
	echo '<table class="widefat striped"><tbody>';
	foreach ( $rows as $name => $value ) {
		printf( '<tr><th scope="row">%s</th><td>%s</td></tr>', esc_html( $name ), esc_html( $value ) );
	}
	echo '</tbody></table><form method="post">';
	wp_nonce_field( 'twofold', 'twofold_nonce' );
	echo '<input type="hidden" name="twofold_unpair" value="1">';
	submit_button( 'Unpair', 'delete' );
	echo '</form>';
}

/**
 * Whether facebook-for-woocommerce is there.
 */
function twofold_has_meta_plugin_active() {
	return function_exists( 'facebook_for_woocommerce' );
}
