//! The sounds that come with the switch: readable by [`crate::codec::wav`], audible, whole and listed.

use crate::codec::Rate;
use crate::codec::resample::clip;
use crate::codec::tone::rms;
use crate::codec::wav;
use sha2::Digest;
use sha2::Sha256;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::path::PathBuf;

fn sounds() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("sounds")
}

/// File, then text, language, voice, licence and checksum.
fn manifest() -> BTreeMap<String, Vec<String>> {
    let text = fs::read_to_string(sounds().join("manifest.tsv")).expect("the sounds have a manifest");
    let mut lines = text.lines().map(|line| line.split('\t').map(str::to_owned).collect::<Vec<_>>());
    assert_eq!(lines.next().unwrap().join(" "), "file text language voice licence sha256");
    lines.map(|mut row| (row.remove(0), row)).collect()
}

fn wav_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder of sounds is readable").flatten() {
        let path = entry.path();
        if path.is_dir() {
            wav_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "wav") {
            found.push(path);
        }
    }
}

#[test]
fn the_manifest_lists_every_sound_with_its_checksum() {
    let mut files = Vec::new();
    wav_files(&sounds(), &mut files);
    let found: BTreeMap<String, String> = files
        .iter()
        .map(|path| {
            let name = path.strip_prefix(sounds()).unwrap().to_string_lossy().into_owned();
            let digest = Sha256::digest(fs::read(path).unwrap());
            (name, digest.iter().map(|byte| format!("{byte:02x}")).collect())
        })
        .collect();
    let listed: BTreeMap<String, String> =
        manifest().into_iter().map(|(file, row)| (file, row[4].clone())).collect();
    assert_eq!(listed, found, "run sounds/make");
    assert!(manifest().values().all(|row| row.len() == 5 && row.iter().all(|field| !field.is_empty())));
}

#[test]
fn every_sound_is_audible_and_not_clipped() {
    for file in manifest().keys() {
        let wav =
            wav::read(&fs::read(sounds().join(file)).unwrap()).unwrap_or_else(|e| panic!("{file}: {e}"));
        assert_eq!(wav.channels, 1, "{file}");
        let seconds = wav.samples.len() as f64 / f64::from(wav.rate_hz);
        let is_music = file.starts_with("music/");
        assert_eq!(wav.rate_hz, if is_music { 8_000 } else { 16_000 }, "{file}");
        let expected = if is_music { 40.0..60.0 } else { 0.1..8.0 };
        assert!(expected.contains(&seconds), "{file} lasts {seconds} s");
        let loudness_db = 20.0 * (rms(&wav.samples) / 32768.0).log10();
        assert!((-26.0..-15.0).contains(&loudness_db), "{file} is at {loudness_db:.1} dBFS");
        let peak = wav.samples.iter().map(|sample| sample.unsigned_abs()).max().unwrap();
        assert!(peak < 30_000, "{file} peaks at {peak}");
        // The short ones, of which a telephone leaves least.
        if seconds < 1.0 {
            assert!(
                rms(&clip(&wav.samples, Rate::Wide, Rate::Narrow)) > 300.0,
                "{file} survives the telephone band"
            );
        }
    }
}

#[test]
fn both_languages_have_the_same_prompts() {
    let names = |language: &str| -> Vec<String> {
        let all = manifest();
        let own = all.keys().filter_map(|file| file.strip_prefix(language)?.strip_prefix('/'));
        own.map(str::to_owned).collect()
    };
    let (mut french, english) = (names("fr"), names("en"));
    // "une minute": French alone has a gender.
    french.retain(|name| name != "digits/1F.wav");
    assert_eq!(french, english);
    assert!(french.iter().any(|name| name == "bienvenue.wav"));
}

/// The end of the music runs into its start without a click: no jump there larger than anywhere else.
#[test]
fn the_music_loops_without_a_seam() {
    for file in manifest().keys().filter(|file| file.starts_with("music/")) {
        let samples = wav::read(&fs::read(sounds().join(file)).unwrap()).unwrap().samples;
        let jump = |a: i16, b: i16| (i32::from(a) - i32::from(b)).abs();
        let inside = samples.windows(2).map(|pair| jump(pair[0], pair[1])).max().unwrap();
        assert!(jump(samples[0], samples[samples.len() - 1]) <= inside, "{file}");
        let edge = [&samples[samples.len() - 400..], &samples[..400]].concat();
        assert!(rms(&edge) > 300.0, "{file} does not fall silent where it turns");
    }
}
