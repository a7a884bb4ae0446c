//! The vectors of RFC 3711 and RFC 7714 and of the reference library, and what contexts do with packets of a call.

use crate::ids::Random;
use crate::srtp::key::Label;
use crate::srtp::seal::counter_mode;
use crate::srtp::*;
use aes::Aes128;
use aes::cipher::KeyInit;
use proptest::prelude::*;

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.chars().filter_map(|letter| letter.to_digit(16)).map(|d| d as u8).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

fn master(suite: Suite, text: &str) -> MasterKey {
    MasterKey::from_bytes(suite, &hex(text)).unwrap()
}

/// RFC 3711 appendix B.3.
const MASTER: &str = "E1F97A0D3E018BE0D64FA32C06DE4139 0EC675AD498AFEEBB6960B3AABE6";

#[test]
fn counter_mode_is_that_of_appendix_b_2() {
    let key: [u8; 16] = hex("2B7E151628AED2A6ABF7158809CF4F3C").try_into().unwrap();
    let mut stream = [0; 48];
    let counter = hex("F0F1F2F3F4F5F6F7F8F9FAFBFCFD0000").try_into().unwrap();
    counter_mode(&Aes128::new(&key.into()), counter, &mut stream);
    let expected =
        "E03EAD0935C95E80E166B16DD92B4EB4 D23513162B02D0F72A43A2FE4A5F97AB 41E95B3BB0A2E8DD477901E4FCA894C0";
    assert_eq!(stream.to_vec(), hex(expected));
    let mut far = vec![0; 0xff02 * 16];
    counter_mode(&Aes128::new(&key.into()), counter, &mut far);
    assert_eq!(far[0xfeff * 16..0xff00 * 16], hex("EC8CDF7398607CB0F2D21675EA9EA1E4"));
    assert_eq!(far[0xff01 * 16..], hex("6A2CC3787889374FBEB4C81B17BA6C44"));
}

#[test]
fn session_keys_are_those_of_appendix_b_3() {
    let master = master(Suite::AesCm80, MASTER);
    assert_eq!(master.session_key::<16>(Label::Cipher).to_vec(), hex("C61E7A93744F39EE10734AFE3FF7A087"));
    assert_eq!(master.session_key::<14>(Label::Salt).to_vec(), hex("30CBBC08863D8C85D49DB34A9AE1"));
    let tag = "CEBE321F6FF7716B6FD4AB49AF256A156D38BAA48F0A0ACF3C34E2359E6CDBCEE049646C43D9327AD175578EF7227098\
               6371C10C9A369AC2F94A8C5FBCDDDC256D6E919A48B610EF17C2041E47403576 6B68642C59BBFC2F34DB60DBDFB2DC68";
    assert_eq!(master.session_key::<94>(Label::Tag).to_vec(), hex(tag)[..94]);
}

/// Whole packets as the reference library makes them.
#[test]
fn packets_are_those_of_the_reference_library() {
    let plain = hex("800f1234decafbadcafebabe abababababababababababababababab");
    let control = hex("81c8000bcafebabe abababababababababababababababab");
    let cases = [
        (
            Suite::AesCm80,
            MASTER,
            "800f1234decafbadcafebabe 4e55dc4ce79978d88ca4d215949d2402 b78d6acc99ea179b8dbb",
            "81c8000bcafebabe 7128035be487b9bdbef89041f977a5a8 80000001 993e08cd54d6c1230798",
        ),
        (
            Suite::AesGcm128,
            "000102030405060708090a0b0c0d0e0f a0a1a2a3a4a5a6a7a8a9aaab",
            "800f1234decafbadcafebabe c5002ede04cfdd2eb91159e0880aa06e d2976826f796b201df3131a127e8a392",
            "81c8000bcafebabe c98b8b5df0392a55852b6c21ac8e7025 c52c6fbea2b3b446ea31123ba88ce61e 80000001",
        ),
    ];
    for (suite, key, sealed, sealed_control) in cases {
        let master = master(suite, key);
        let (mut sender, mut receiver, mut out) = (Sender::new(&master), Receiver::new(&master), Vec::new());
        let mut packet = plain.clone();
        assert!(sender.seal_rtp(&mut packet, 0));
        assert_eq!(packet, hex(sealed), "{suite:?}");
        assert_eq!(receiver.open_rtp(&packet, &mut out), Ok(()), "{suite:?}");
        assert_eq!(out, plain);
        let mut report = control.clone();
        sender.seal_control(&mut report, 0, 0xcafe_babe);
        assert_eq!(report, hex(sealed_control), "{suite:?}");
        assert_eq!(receiver.open_control(&report, &mut out), Ok(()), "{suite:?}");
        assert_eq!(out, control);
    }
}

/// RFC 7714 sections 16.1.1 and 16.2.1, whose keys are session keys: a master key cannot be had for them, so the
/// sealing is looked at alone.
#[test]
fn gcm_is_that_of_rfc_7714() {
    let plain = hex(
        "8040f17b 8041f8d3 5501a0b2 47616c6c 69612065 7374206f 6d6e6973 20646976 69736120 696e2070 61727465 \
         73207472 6573",
    );
    let salt = hex("51756964 2070726f 2071756f");
    let small: Vec<u8> = (0..16).collect();
    let large: Vec<u8> = (0..32).collect();
    let sealed_small = "8040f17b 8041f8d3 5501a0b2 f24de3a3 fb34de6c acba861c 9d7e4bca be633bd5 0d294e6f 42a5f47a \
                        51c7d19b 36de3adf 8833899d 7f27beb1 6a9152cf 765ee439 0cce";
    let sealed_large = "8040f17b 8041f8d3 5501a0b2 32b1de78 a822fe12 ef9f78fa 332e33aa b1801238 9a58e2f3 b50b2a02 \
                        76ffae0f 1ba63799 b87b7aa3 db36dfff d6b0f9bb 7878d7a7 6c13";
    for (key, sealed) in [(&small, sealed_small), (&large, sealed_large)] {
        let seal = seal::Seal::galois(key, &salt);
        let mut packet = plain.clone();
        seal.seal_rtp(&mut packet, 0, 12, 0x5501_a0b2, 0xf17b);
        assert_eq!(packet, hex(sealed));
        assert_eq!(seal.open_rtp(&mut packet, 12, 0x5501_a0b2, 0xf17b), Some(plain.len()));
        assert_eq!(packet[..plain.len()], plain);
    }
}

fn pair(suite: Suite, seed: u64) -> (Sender, Receiver) {
    let key = MasterKey::draw(suite, &mut Random::seeded(seed));
    (Sender::new(&key), Receiver::new(&key))
}

fn packet(ssrc: u32, sequence: u16) -> Vec<u8> {
    let mut bytes = vec![0x80, 0];
    bytes.extend(sequence.to_be_bytes());
    bytes.extend([0, 0, 1, 2]);
    bytes.extend(ssrc.to_be_bytes());
    bytes.extend((0..160u8).map(|n| n ^ sequence as u8));
    bytes
}

fn sealed(sender: &mut Sender, ssrc: u32, sequence: u16) -> Vec<u8> {
    let mut bytes = packet(ssrc, sequence);
    assert!(sender.seal_rtp(&mut bytes, 0), "{sequence}");
    bytes
}

fn open(receiver: &mut Receiver, bytes: &[u8]) -> Result<Vec<u8>, Fault> {
    let mut out = Vec::new();
    receiver.open_rtp(bytes, &mut out).map(|()| out)
}

#[test]
fn three_wraps_with_loss_and_reordering_are_followed() {
    for suite in Suite::ALL {
        let (mut sender, mut receiver) = pair(suite, 1);
        let mut late = None;
        for n in 0..1500u32 {
            // Steps as long silences make them.
            let number = 65_000u16.wrapping_add((n * 90 + n % 3) as u16);
            let bytes = sealed(&mut sender, 7, number);
            if n % 7 == 3 {
                late = Some((number, bytes));
                continue;
            }
            if n % 11 != 0 {
                assert_eq!(open(&mut receiver, &bytes), Ok(packet(7, number)), "{suite:?} {n}");
            }
            if let Some((number, bytes)) = late.take() {
                assert_eq!(open(&mut receiver, &bytes), Ok(packet(7, number)), "{suite:?} late {n}");
            }
        }
    }
}

#[test]
fn what_came_is_not_taken_again_and_what_was_sent_not_sent_again() {
    for suite in Suite::ALL {
        let (mut sender, mut receiver) = pair(suite, 2);
        let first = sealed(&mut sender, 7, 10);
        let second = sealed(&mut sender, 7, 11);
        assert!(open(&mut receiver, &second).is_ok() && open(&mut receiver, &first).is_ok());
        for bytes in [&first, &second] {
            assert_eq!(open(&mut receiver, bytes), Err(Fault::Replayed), "{suite:?}");
        }
        assert!(!sender.seal_rtp(&mut packet(7, 11), 0), "the number was used");
        assert!(!sender.seal_rtp(&mut vec![0x80; 5], 0), "no packet");
        let mut report = hex("81c8000b00000007abababab");
        sender.seal_control(&mut report, 0, 7);
        let mut out = Vec::new();
        assert_eq!(receiver.open_control(&report, &mut out), Ok(()));
        assert_eq!(receiver.open_control(&report, &mut out), Err(Fault::Replayed));
    }
}

#[test]
fn a_packet_that_was_changed_cut_or_is_of_another_key_is_nobodys() {
    for suite in Suite::ALL {
        let (mut sender, mut receiver) = pair(suite, 3);
        let (mut stranger, _) = pair(suite, 4);
        let right = sealed(&mut sender, 7, 10);
        let others = sealed(&mut stranger, 7, 10);
        assert_eq!(open(&mut receiver, &others), Err(Fault::Unauthenticated));
        assert_eq!(open(&mut receiver, &packet(7, 10)), Err(Fault::Unauthenticated), "plain");
        for at in 1..right.len() {
            let mut changed = right.clone();
            changed[at] ^= 0x40;
            assert!(open(&mut receiver, &changed).is_err(), "{suite:?} byte {at}");
            assert!(open(&mut receiver, &right[..at]).is_err(), "{suite:?} cut at {at}");
        }
        assert_eq!(open(&mut receiver, &right), Ok(packet(7, 10)), "and nothing was learnt from them");
        let mut report = hex("81c8000b00000007abababababababab");
        sender.seal_control(&mut report, 0, 7);
        let mut out = Vec::new();
        for at in 1..report.len() {
            let mut changed = report.clone();
            changed[at] ^= 0x40;
            assert!(receiver.open_control(&changed, &mut out).is_err(), "{suite:?} byte {at}");
            assert!(receiver.open_control(&report[..at], &mut out).is_err(), "{suite:?} cut at {at}");
        }
        assert_eq!(receiver.open_control(&report, &mut out), Ok(()));
    }
}

#[test]
fn a_new_key_keeps_the_counters_and_takes_a_peer_that_does_not() {
    for suite in Suite::ALL {
        let (mut sender, mut receiver) = pair(suite, 5);
        for n in 0..700u32 {
            let bytes = sealed(&mut sender, 7, (n * 100) as u16);
            assert!(open(&mut receiver, &bytes).is_ok());
        }
        let key = MasterKey::draw(suite, &mut Random::seeded(6));
        let old = sealed(&mut sender, 7, 4500);
        let (mut next, mut again) = (receiver.rekeyed(&key), receiver.rekeyed(&key));
        let going_on = sealed(&mut sender.rekeyed(&key), 7, 4501);
        assert_eq!(open(&mut next, &old), Err(Fault::Unauthenticated), "the old key is over");
        assert_eq!(open(&mut next, &going_on), Ok(packet(7, 4501)), "{suite:?} goes on");
        let anew = sealed(&mut Sender::new(&key), 7, 4501);
        assert_eq!(open(&mut again, &anew), Ok(packet(7, 4501)), "{suite:?} begins anew");
        assert_eq!(open(&mut again, &going_on), Err(Fault::Replayed));
    }
}

#[test]
fn sources_are_told_apart_and_bounded() {
    let (_, mut receiver) = pair(Suite::AesCm80, 7);
    for ssrc in 0..40 {
        let (mut sender, _) = pair(Suite::AesCm80, 7);
        assert!(open(&mut receiver, &sealed(&mut sender, ssrc, 1)).is_ok());
        assert!(open(&mut receiver, &sealed(&mut sender, ssrc, 2)).is_ok());
    }
    assert!(format!("{receiver:?}").len() < 2500, "forty sources are not kept");
}

#[test]
fn keys_are_never_shown() {
    let key = MasterKey::from_bytes(Suite::AesCm80, &[0xa7; 30]).unwrap();
    let pair = KeyPair { ours: key.clone(), theirs: key.clone() };
    for text in [format!("{key:?}"), format!("{pair:?}"), format!("{:?}", Sender::new(&key))] {
        assert!(!text.contains("167") && !text.to_lowercase().contains("a7"), "{text}");
    }
    assert_eq!(MasterKey::from_bytes(Suite::AesCm80, &[1; 28]), None);
    assert_eq!(MasterKey::from_bytes(Suite::AesGcm256, &[1; 45]), None);
}

proptest! {
    #[test]
    fn no_bytes_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..96), suite in 0usize..4) {
        if let Some(first) = bytes.first_mut() {
            *first = 0x80 | *first & 0x3f;
        }
        let (mut sender, mut receiver) = pair(Suite::ALL[suite], 8);
        let mut out = Vec::new();
        prop_assert!(receiver.open_rtp(&bytes, &mut out).is_err());
        prop_assert!(receiver.open_control(&bytes, &mut out).is_err());
        let mut sealed = bytes.clone();
        if sender.seal_rtp(&mut sealed, 0) {
            prop_assert_eq!(receiver.open_rtp(&sealed, &mut out), Ok(()));
            prop_assert_eq!(&out, &bytes);
        }
    }
}
