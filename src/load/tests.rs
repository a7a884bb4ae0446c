//! Whole runs over loopback: the callers call the far side directly, without a server between them.

use crate::clock::Clock;
use crate::load::options::Options;
use crate::load::run::run;
use clap::Parser;
use std::net::UdpSocket;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    options: Options,
}

/// A port that was free a moment ago.
fn free() -> String {
    UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

fn check(line: &str, well: bool, expected: &[&str]) {
    let (from, far) = (free(), free());
    let line = format!("load --from {from} {line}").replace("FAR", &far);
    let options = Line::parse_from(line.split_whitespace()).options;
    let report = run(&options, &Clock::machine()).unwrap();
    let json = report.to_json();
    for figure in expected {
        assert!(json.contains(figure), "{figure} is not in {json}");
    }
    assert_eq!(report.is_well(), well, "{}", report.to_text());
}

#[test]
fn calls_at_a_rate() {
    let all = ["\"calls_placed\":20,", "\"calls_well\":20,", "\"rtp_lost\":0,", "\"far_calls\":20,"];
    check("--target FAR --far FAR --rate 40 --seconds 0.5 --talk-seconds 1.5", true, &all);
}

#[test]
fn calls_that_are_held() {
    let all = ["\"calls_well\":10,", "\"held_packets_received\":", "\"far_calls\":10,", "rtp_delay"];
    check("--target FAR --far FAR --hold 10 --rate 100 --seconds 1.5", true, &all);
}

#[test]
fn a_busy_agent_is_found_out() {
    let line =
        "--target FAR --far FAR --agents --number a --numbers 1 --rate 20 --seconds 0.2 --talk-seconds 1";
    check(line, false, &["\"calls_placed\":4,", "\"calls_well\":1,", "\"agents_rung_while_busy\":3,"]);
}

#[test]
fn a_far_side_that_stays_mute_is_heard_as_such() {
    let line = "--target FAR --far FAR --rate 10 --seconds 0.2 --talk-seconds 1.5 --rtp no";
    check(line, true, &["\"rtp_sent\":0,", "\"calls_silent\":0,"]);
}

#[test]
fn registrations_without_a_registrar_fail() {
    let line = "--target FAR --far FAR --register 3 --rate 100";
    check(line, false, &["\"registrations_done\":0,", "\"405\":3"]);
}
