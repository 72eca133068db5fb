<?php
// WordPress's own hooks, escaping and JSON (Debian's package, unpacked), and what the plugin uses of the rest and of WooCommerce as their
// documents describe it, in memory. `php host.php WORDPRESS PLUGIN_FILE` loads the plugin; the scenario comes on stdin.
error_reporting( E_ALL );
set_error_handler( function ( $level, $message, $file, $line ) {
	if ( strpos( $file, 'wp-includes' ) === false ) {
		throw new ErrorException( $message, 0, $level, $file, $line );
	}
	return true;
} );
define( 'ABSPATH', $argv[1] . '/' );
define( 'WPINC', 'wp-includes' );
define( 'WP_DEBUG', false );
foreach ( array( 'compat', 'load', 'plugin', 'cache', 'formatting', 'functions', 'kses', 'http', 'l10n', 'pomo/translations', 'class-wp-error' ) as $name ) {
	require_once ABSPATH . WPINC . "/$name.php";
}

// --- WordPress: its own options on rows in memory; people, the admin's pages

class Rows_In_Memory {
	public $options = 'wp_options';
	public $rows    = array();
	public function suppress_errors() { return false; }
	public function prepare( $query, ...$values ) { return array( $query, $values ); }
	public function get_row( $asked ) {
		$name = $asked[1][0];
		return isset( $this->rows[ $name ] ) ? (object) array( 'option_value' => $this->rows[ $name ], 'autoload' => 'yes' ) : null;
	}
	public function get_results() {
		$found = array();
		foreach ( $this->rows as $name => $value ) { $found[] = (object) array( 'option_name' => $name, 'option_value' => $value ); }
		return $found;
	}
	public function query( $asked ) { $this->rows[ $asked[1][0] ] = $asked[1][1]; return 1; }
	public function update( $table, $data, $where ) { $this->rows[ $where['option_name'] ] = $data['option_value']; return 1; }
	public function delete( $table, $where ) { unset( $this->rows[ $where['option_name'] ] ); return 1; }
}
$wpdb = new Rows_In_Memory();
wp_cache_init();
foreach ( isset( $argv[3] ) ? json_decode( $argv[3], true ) : array() as $name => $value ) { $wpdb->rows[ $name ] = maybe_serialize( $value ); }
function all_options() { global $wpdb; return array_map( 'maybe_unserialize', $wpdb->rows ); }

$may  = true;
$menu = array();
function current_user_can( $capability ) { global $may; return $may && in_array( $capability, array( 'manage_woocommerce', 'manage_options' ), true ); }
function get_current_user_id() { return 5; }
function home_url() { return 'https://www.shop.example'; }
function add_submenu_page( ...$arguments ) { global $menu; $menu[] = $arguments; }
function wp_create_nonce( $action ) { return "nonce-of-$action"; }
function check_admin_referer( $action, $field ) {
	if ( ( $_POST[ $field ] ?? '' ) !== "nonce-of-$action" ) { throw new Exception( 'the link has expired' ); }
}
function submit_button( $text ) { printf( '<input type="submit" value="%s">', esc_attr( $text ) ); }

// --- WooCommerce: a class that says it is there, webhooks, one order

if ( ( $argv[4] ?? '' ) !== 'without' ) {
	class WooCommerce {}
	class WC_Webhook {
		public static $saved = array();
		public $is = array( 'status' => 'disabled' );
		public function __construct( $id = 0 ) { if ( $id ) { $this->is = self::$saved[ $id ]; } }
		public function __call( $name, $arguments ) {
			$what = substr( $name, 4 );
			if ( ! in_array( $what, array( 'name', 'topic', 'delivery_url', 'secret', 'status', 'api_version', 'user_id', 'failure_count' ), true ) ) {
				throw new Exception( "WC_Webhook has no $name" );
			}
			if ( 0 === strpos( $name, 'get_' ) ) { return $this->is[ $what ] ?? ''; }
			$this->is[ $what ] = $arguments[0];
		}
		public function save() {
			$this->is['id'] = $this->is['id'] ?? count( self::$saved ) + 100;
			self::$saved[ $this->is['id'] ] = $this->is;
			return $this->is['id'];
		}
		public function delete( $force = false ) { unset( self::$saved[ $this->is['id'] ] ); return true; }
	}
	class WC_Webhooks_In_Memory { public function get_webhooks_ids() { return array_keys( WC_Webhook::$saved ); } }
	class WC_Data_Store { public static function load( $what ) { return new WC_Webhooks_In_Memory(); } }
	class WC_Order_Item_Product {
		public function get_quantity() { return 2; }
		public function get_variation_id() { return 0; }
		public function get_product_id() { return 42; }
	}
	class WC_Order {
		public $meta = array();
		public $status = 'processing';
		public function get_id() { return 1001; }
		public function get_order_key() { return 'wc_order_AbCdEfGhIjKlM'; }
		public function key_is_valid( $key ) { return hash_equals( $this->get_order_key(), $key ); }
		public function has_status( $statuses ) { return in_array( $this->status, $statuses, true ); }
		public function get_items() { return array( new WC_Order_Item_Product() ); }
		public function get_prices_include_tax() { return true; }
		public function get_item_subtotal( $item, $tax ) { return 21.25; }
		public function get_total() { return '42.50'; }
		public function get_currency() { return 'EUR'; }
		public function update_meta_data( $name, $value ) { $this->meta[ $name ] = $value; }
		public function delete_meta_data( $name ) { unset( $this->meta[ $name ] ); }
	}
	$order = new WC_Order();
	function wc_get_order( $id ) { global $order; return 1001 === $id ? $order : false; }
	function is_wc_endpoint_url( $name ) { return 'order-received' === $name; }
	function get_query_var( $name ) { return '1001'; }
}
if ( ! function_exists( 'sanitize_text_field' ) ) { function sanitize_text_field( $text ) { return trim( strip_tags( $text ) ); } }

function printed( $hook, ...$arguments ) { ob_start(); do_action( $hook, ...$arguments ); return ob_get_clean(); }

require $argv[2];
eval( stream_get_contents( STDIN ) );
