//! The play in front of a switch that is not there, and the demo's own configuration.

use crate::demo::Options;
use crate::demo::cast;
use crate::demo::configuration::Secrets;
use crate::demo::configuration::configuration;
use crate::demo::scenery::Scenery;

fn options() -> Options {
    Options { callers: 8, seconds: Some(1), seed: Some(1), sip_port: None, http_port: None, mute: false }
}

#[test]
fn the_configuration_is_one_that_the_switch_takes() {
    let mut scenery = Scenery::set(&options()).unwrap();
    let secrets = Secrets::draw(&mut scenery, cast::agents(200));
    let config = configuration(&scenery, &secrets, "127.0.0.1:5071".parse().unwrap()).unwrap();
    assert_eq!((config.phones.len(), config.agents.len(), config.queues.len()), (30, 30, 1));
    assert!(config.sounds.directory.join("music").is_dir());
}

#[test]
fn the_directory_goes_away_with_the_demo() {
    let scenery = Scenery::set(&options()).unwrap();
    let file = scenery.file("x");
    std::fs::write(&file, "x").unwrap();
    drop(scenery);
    assert!(!file.exists() && !file.parent().unwrap().exists());
}

#[test]
fn secrets_are_long_and_differ() {
    let mut scenery = Scenery::set(&options()).unwrap();
    let (first, second) = (scenery.secret(), scenery.secret());
    assert_eq!((first.len(), second.len()), (16, 16));
    assert_ne!(first, second);
}
