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

mod phone_to_phone;
