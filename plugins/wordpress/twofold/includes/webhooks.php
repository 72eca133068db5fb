<?php
/**
 * WooCommerce's webhooks that lead to the gateway: made with the pairing's secret, found again by their address.
 *
 * Owns which topics. A webhook that leads elsewhere is never touched. WooCommerce switches one off after failures; `twofold_revive` is
 * for the button that switches it on again.
 */

defined( 'ABSPATH' ) || exit;

const TWOFOLD_TOPICS = array( 'order.created', 'order.updated', 'order.deleted', 'order.restored' );

/**
 * Those that lead to an address, by topic.
 *
 * @param string $address The delivery URL.
 * @return WC_Webhook[]
 */
function twofold_webhooks( $address ) {
	if ( ! class_exists( 'WC_Data_Store' ) || ! class_exists( 'WC_Webhook' ) ) {
		return array();
	}
	$found = array();
	foreach ( WC_Data_Store::load( 'webhook' )->get_webhooks_ids() as $id ) {
		$webhook = new WC_Webhook( $id );
		if ( $webhook->get_delivery_url() === $address ) {
			$found[ $webhook->get_topic() ] = $webhook;
		}
	}
	return $found;
}

/**
 * One a topic, active, with this secret; again for one that is there.
 *
 * @param string $address The delivery URL.
 * @param string $secret  What they are signed with.
 * @return string[] What did not go well.
 */
function twofold_make_webhooks( $address, $secret ) {
	if ( ! class_exists( 'WC_Webhook' ) ) {
		return array( 'WooCommerce is not active, so there are no webhooks: activate it and enter the code again.' );
	}
	$there    = twofold_webhooks( $address );
	$problems = array();
	foreach ( TWOFOLD_TOPICS as $topic ) {
		$webhook = isset( $there[ $topic ] ) ? $there[ $topic ] : new WC_Webhook();
		$webhook->set_name( "Twofold $topic" );
		$webhook->set_topic( $topic );
		$webhook->set_delivery_url( $address );
		$webhook->set_secret( $secret );
		$webhook->set_status( 'active' );
		$webhook->set_failure_count( 0 ); // else one that was disabled after failures is disabled again by the next
		$webhook->set_api_version( 'wp_api_v3' );
		$webhook->set_user_id( get_current_user_id() ); // it reads orders as this person may
		if ( ! $webhook->save() ) {
			$problems[] = "The webhook $topic could not be saved.";
		}
	}
	return $problems;
}

/**
 * Takes away those that lead to an address.
 *
 * @param string $address The delivery URL.
 */
function twofold_remove_webhooks( $address ) {
	foreach ( twofold_webhooks( $address ) as $webhook ) {
		$webhook->delete( true );
	}
}
