<?php
/**
 * Deleting the plugin takes its webhooks and its settings along. Deactivating it does not: what was paired stays.
 */

defined( 'WP_UNINSTALL_PLUGIN' ) || exit;

require_once __DIR__ . '/includes/pairing.php';
require_once __DIR__ . '/includes/webhooks.php';

twofold_unpair();
