//! Prompts, hold music and tones in memory, encoded once at load in both laws of G.711.
//!
//! Shared by all workers and never changed: a listener holds a reference and an offset (`player`).

use crate::codec::Rate;
use crate::codec::g711::alaw_encode;
use crate::codec::g711::ulaw_encode;
use crate::codec::resample;
use crate::codec::wav;
use crate::codec::wav::WavFault;
use crate::config::Tones;
use crate::media::command::Codec;
use crate::media::command::Tone;
use crate::media::tones;
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use thiserror::Error;

/// The class that stands in for an unknown one.
pub const DEFAULT_CLASS: &str = "default";
/// Sounds are padded to whole frames of 20 ms, so that one prompt's end is not glued to the next one's start.
const FRAME_SAMPLES: usize = 160;

/// One sound: a byte for each sample of 125 us, the same number of them in both laws.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sound {
    pcmu: Box<[u8]>,
    pcma: Box<[u8]>,
}

impl Sound {
    /// Encodes samples of 8 kHz, padded with silence to whole frames of 20 ms.
    pub fn from_samples(samples: &[i16]) -> Self {
        let padding = samples.len().next_multiple_of(FRAME_SAMPLES) - samples.len();
        let padded = || samples.iter().copied().chain(std::iter::repeat_n(0, padding));
        Self { pcmu: padded().map(ulaw_encode).collect(), pcma: padded().map(alaw_encode).collect() }
    }

    /// The bytes in one law.
    pub fn bytes(&self, codec: Codec) -> &[u8] {
        match codec {
            Codec::Pcmu => &self.pcmu,
            Codec::Pcma => &self.pcma,
        }
    }

    /// Samples, that is bytes in either law.
    pub fn samples(&self) -> usize {
        self.pcmu.len()
    }
}

/// All sounds; clones share them.
#[derive(Clone, Debug, Default)]
pub struct Sounds(Arc<Shelf>);

#[derive(Clone, Debug, Default)]
struct Shelf {
    prompts: BTreeMap<String, Arc<Sound>>,
    music: BTreeMap<String, Arc<Sound>>,
    tones: BTreeMap<Tone, Arc<Sound>>,
}

/// Why sounds could not be loaded.
#[derive(Debug, Error)]
pub enum SoundsError {
    /// A directory is missing or cannot be read.
    #[error(
        "the sounds directory `{path}` cannot be read: {source}; set `sounds.directory` to where the sounds are \
         (relative to the working directory) and `sounds.language` to a folder in it"
    )]
    Directory {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file cannot be read.
    #[error("the sound `{path}` cannot be read: {source}; check its permissions, or remove it")]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file is not a WAV that we can use.
    #[error("the sound `{path}` cannot be used: {fault}; convert it to 16-bit mono PCM of 8 or 16 kHz")]
    Format {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        fault: WavFault,
    },
    /// A file has another rate.
    #[error(
        "the sound `{path}` has {rate_hz} samples a second; convert it to 16-bit mono PCM of 8 or 16 kHz"
    )]
    Rate {
        /// Which.
        path: PathBuf,
        /// Its rate.
        rate_hz: u32,
    },
}

impl Sounds {
    /// Reads `<directory>/<language>/**/<name>.wav` and `<directory>/music/<class>/*.wav`, whose pieces are played
    /// in the order of their names. WAV: 16 bits, 8 or 16 kHz; of stereo the mean.
    ///
    /// # Errors
    /// [`SoundsError`] names the directory or file, what is wrong and what to do.
    pub fn load(directory: &Path, language: &str) -> Result<Self, SoundsError> {
        let mut shelf = Shelf::default();
        for (name, path) in wav_files(&directory.join(language))? {
            shelf.prompts.insert(name, Arc::new(Sound::from_samples(&samples_of(&path)?)));
        }
        let mut classes: BTreeMap<String, Vec<i16>> = BTreeMap::new();
        for (name, path) in wav_files(&directory.join("music"))? {
            if let Some((class, _)) = name.split_once('/') {
                classes.entry(class.to_owned()).or_default().extend(samples_of(&path)?);
            }
        }
        for (class, samples) in classes {
            shelf.music.insert(class, Arc::new(Sound::from_samples(&samples)));
        }
        Ok(Self::shelve(shelf))
    }

    /// Sounds from samples of 8 kHz, for tests and simulations: prompts by name, music by class.
    pub fn from_samples(prompts: &[(&str, &[i16])], music: &[(&str, &[i16])]) -> Self {
        let encode = |sounds: &[(&str, &[i16])]| {
            let encoded = |(name, samples): &(&str, &[i16])| {
                ((*name).to_owned(), Arc::new(Sound::from_samples(samples)))
            };
            sounds.iter().map(encoded).collect()
        };
        Self::shelve(Shelf { prompts: encode(prompts), music: encode(music), ..Shelf::default() })
    }

    fn shelve(mut shelf: Shelf) -> Self {
        shelf.tones = tones::encoded(Tones::Fr);
        Self(Arc::new(shelf))
    }

    /// The same sounds with the tones of a country instead of the French ones.
    pub fn with_tones(mut self, country: Tones) -> Self {
        Arc::make_mut(&mut self.0).tones = tones::encoded(country);
        self
    }

    /// A prompt by its name, such as `digits/1`.
    pub fn prompt(&self, name: &str) -> Option<Arc<Sound>> {
        self.0.prompts.get(name).cloned()
    }

    /// The music of a class, or of `default` where the class is unknown.
    pub fn music(&self, class: &str) -> Option<Arc<Sound>> {
        let found = self.0.music.get(class).or_else(|| self.0.music.get(DEFAULT_CLASS));
        found.filter(|sound| sound.samples() > 0).cloned()
    }

    /// A tone's cadence, to be looped.
    pub fn tone(&self, tone: Tone) -> Option<Arc<Sound>> {
        self.0.tones.get(&tone).cloned()
    }

    /// The names of all prompts in order.
    pub fn prompt_names(&self) -> impl Iterator<Item = &str> {
        self.0.prompts.keys().map(String::as_str)
    }

    /// The music classes in order.
    pub fn music_classes(&self) -> impl Iterator<Item = &str> {
        self.0.music.keys().map(String::as_str)
    }
}

/// All WAV files under a folder: names relative to it without ending, and paths, in order.
fn wav_files(folder: &Path) -> Result<BTreeMap<String, PathBuf>, SoundsError> {
    let mut files = BTreeMap::new();
    let mut folders = vec![(String::new(), folder.to_owned())];
    while let Some((prefix, folder)) = folders.pop() {
        let fault = |source| SoundsError::Directory { path: folder.clone(), source };
        for entry in fs::read_dir(&folder).map_err(fault)? {
            let path = entry.map_err(fault)?.path();
            let Some(stem) = path.file_stem().and_then(|stem| stem.to_str()) else { continue };
            if path.is_dir() {
                folders.push((format!("{prefix}{stem}/"), path.clone()));
            } else if path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("wav")) {
                files.insert(format!("{prefix}{stem}"), path.clone());
            }
        }
    }
    Ok(files)
}

fn samples_of(path: &Path) -> Result<Vec<i16>, SoundsError> {
    let file = fs::read(path).map_err(|source| SoundsError::File { path: path.to_owned(), source })?;
    let wav = wav::read(&file).map_err(|fault| SoundsError::Format { path: path.to_owned(), fault })?;
    match wav.rate_hz {
        8_000 => Ok(wav.into_mono()),
        16_000 => Ok(resample::clip(&wav.into_mono(), Rate::Wide, Rate::Narrow)),
        rate_hz => Err(SoundsError::Rate { path: path.to_owned(), rate_hz }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::g711::alaw_decode;
    use crate::codec::tone::Sine;
    use crate::codec::tone::goertzel;
    use crate::codec::wav::Wav;

    fn wav(rate_hz: u32, frequency_hz: u32) -> Vec<u8> {
        let mut samples = vec![0; rate_hz as usize / 2];
        Sine::new(frequency_hz, rate_hz, 8000).fill(&mut samples);
        wav::write(&Wav { rate_hz, channels: 1, samples })
    }

    #[test]
    fn prompts_in_folders_and_music_in_classes_are_found_and_halved() {
        let root = std::env::temp_dir().join(format!("strowger-sounds-{}", std::process::id()));
        let _ = fs::remove_dir_all(&root);
        fs::create_dir_all(root.join("en/digits")).unwrap();
        fs::create_dir_all(root.join("music/default")).unwrap();
        fs::write(root.join("en/digits/1.wav"), wav(16_000, 440)).unwrap();
        fs::write(root.join("en/hello.wav"), wav(8_000, 600)).unwrap();
        fs::write(root.join("music/default/b.wav"), wav(8_000, 700)).unwrap();
        fs::write(root.join("music/default/a.wav"), wav(8_000, 900)).unwrap();

        let sounds = Sounds::load(&root, "en").unwrap();
        assert_eq!(sounds.prompt_names().collect::<Vec<_>>(), ["digits/1", "hello"]);
        let one = sounds.prompt("digits/1").unwrap();
        assert_eq!(one.samples(), 4000);
        let heard: Vec<i16> = one.bytes(Codec::Pcma).iter().map(|byte| alaw_decode(*byte)).collect();
        assert!(goertzel(&heard, 8000, 440) > 0.9);
        let music = sounds.music("no such class").unwrap();
        assert_eq!(music.samples(), 8000);
        let first: Vec<i16> = music.bytes(Codec::Pcma)[..4000].iter().map(|b| alaw_decode(*b)).collect();
        assert!(goertzel(&first, 8000, 900) > 0.9, "pieces play in the order of their names");

        fs::write(root.join("en/hello.wav"), wav(44_100, 600)).unwrap();
        let fault = Sounds::load(&root, "en").unwrap_err().to_string();
        assert!(fault.contains("hello.wav") && fault.contains("44100"), "{fault}");
        let fault = Sounds::load(&root, "xx").unwrap_err().to_string();
        assert!(fault.contains("sounds.language"), "{fault}");
        fs::remove_dir_all(&root).unwrap();
    }

    #[test]
    fn sounds_are_whole_frames() {
        assert_eq!(Sound::from_samples(&[1; 161]).samples(), 320);
        let ringback = Sounds::from_samples(&[], &[]).tone(Tone::Ringback).unwrap();
        assert_eq!(ringback.samples(), 40_000);
    }
}
