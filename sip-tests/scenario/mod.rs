//! Whole calls, one scenario a file, each over a clean network and over bad ones with several seeds.
//!
//! Every scenario with an answered call asserts audio both ways by its content, the hang-up on every leg, and by
//! `World::finish` and the checks of every step that the books add up and nothing is left.

/// The tests of a file: `scenario` over a clean network, and with 1 and 5 % of loss, with doubles and overtaking.
macro_rules! over_networks {
    () => {
        #[test]
        fn over_a_clean_network() {
            let world = crate::harness::world::World::new(crate::harness::network::Quality::CLEAN, 1);
            scenario(world).finish();
        }

        #[test]
        fn over_bad_networks() {
            for percent in [1, 5] {
                for seed in 1..=3 {
                    let quality = crate::harness::network::Quality::lossy(percent);
                    scenario(crate::harness::world::World::new(quality, seed)).finish();
                }
            }
        }
    };
}

/// The same for a file with several scenarios: `$test` runs `$scenario`.
macro_rules! over_networks_of {
    ($scenario:ident, $test:ident) => {
        #[test]
        fn $test() {
            let world = crate::harness::world::World::new(crate::harness::network::Quality::CLEAN, 1);
            $scenario(world).finish();
            for seed in 1..=3 {
                let quality = crate::harness::network::Quality::lossy(3);
                $scenario(crate::harness::world::World::new(quality, seed)).finish();
            }
        }
    };
}

mod abandoned;
mod access;
mod advertised;
mod agent_leaves_at_once;
mod agent_rejects;
mod attended_transfer;
mod authentication;
mod barred;
mod behind_a_proxy;
mod blind_transfer;
mod both_hang_up_at_once;
mod busy;
mod by_api;
mod bye_before_the_answer;
mod caller_cancels;
mod cancel_crosses_the_answer;
mod circles;
mod conference;
mod declined;
mod drain;
mod early_media;
mod encrypted;
mod feature_codes;
mod flows;
mod forked_phones;
mod forwarding;
mod glare;
mod golden_lamps;
mod guessing;
mod hold;
mod hung_up_before_the_ack;
mod info_keys;
mod intercom;
mod keys;
mod lamp_codes;
mod lamp_of_a_phone;
mod lamp_of_a_queue;
mod lamp_over_tcp;
mod lamp_races;
mod late_answers;
mod limits;
mod lost_ack;
mod lost_bye;
mod lost_flow;
mod many_lamps;
mod max_wait;
mod menu;
mod menu_to_trunk;
mod moved_audio;
mod mutated;
mod no_answer;
mod no_common_codec;
mod no_media;
mod nobody_there;
mod odd_offers;
mod offerless;
mod options;
mod own_call;
mod pause_everywhere;
mod pending_status;
mod phone_to_phone;
mod pickup;
mod ports_used_up;
mod private_media;
mod queue_call;
mod reasons;
mod recorded;
mod recorded_by_wish;
mod refer_refusals;
mod reflection;
mod registrations;
mod reliable;
mod replaced_leg;
mod requests_of_nothing;
mod reregistered_while_ringing;
mod restart;
mod ring_group;
mod ring_timeout;
mod ringback;
mod secrets;
mod session_timer;
mod shared_agent;
mod soak;
mod stranger;
mod subscriptions;
mod supervised;
mod three_way;
mod traced;
mod transcoded;
mod transfer_of_a_queue_call;
mod transfer_races;
mod trunk;
mod trunk_account;
mod trunk_emergency;
mod trunk_failover;
mod trunk_health;
mod trunk_identity;
mod trunk_limits;
mod trunk_longer_session;
mod trunk_names;
mod trunk_registration;
mod two_answers;
mod twofold_keys;
mod unacknowledged;
mod unreachable_agent;
mod update;
mod wrap_up;
