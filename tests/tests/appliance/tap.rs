//! Hears every log and feed, and keeps what it heard.

use super::{event_log, input_log, market_data, snapshots, subscribe};
use vesta_sim::{SimSubscription, SimTransport};
use vesta_transport::{Flow, Input, Subscription};
use vesta_types::state_hash::hash_words;
use vesta_wire::{EventLogError, EventReader, event, open_frame, record::LogFrame};

/// The bytes of every record, event and market-data fragment, in order.
pub struct Tap {
    input: SimSubscription,
    output: SimSubscription,
    public: [SimSubscription; 2],
    reader: EventReader,
    pub records: Vec<Vec<u8>>,
    pub events: Vec<Vec<u8>>,
    pub public_bytes: Vec<Vec<u8>>,
}

impl Tap {
    pub fn new(transport: &mut SimTransport) -> Self {
        let mut open = |link| subscribe(transport, &link);
        Self {
            input: open(input_log()),
            output: open(event_log()),
            public: [open(market_data()), open(snapshots())],
            reader: EventReader::default(),
            records: Vec::new(),
            events: Vec::new(),
            public_bytes: Vec::new(),
        }
    }

    pub fn do_work(&mut self) -> Result<usize, EventLogError> {
        let Self { input, output, public, reader, records, events, public_bytes } = self;
        let mut fault = Ok(());
        let mut work = input.poll(64, &mut |input| {
            if let Input::Fragment(fragment) = input {
                let (_, messages) = open_frame::<LogFrame>(fragment.bytes).expect("a log frame");
                records.extend(messages.map(|record| record.expect("a record").to_vec()));
            }
            Flow::Taken
        });
        work += output.poll(64, &mut |input| {
            if let Input::Fragment(fragment) = input {
                let read = reader.read(fragment.bytes, |_, event| {
                    events.push(event.to_vec());
                    Ok(())
                });
                fault = fault.and(read);
            }
            Flow::Taken
        });
        for stream in public {
            work += stream.poll(64, &mut |input| {
                if let Input::Fragment(fragment) = input {
                    public_bytes.push(fragment.bytes.to_vec());
                }
                Flow::Taken
            });
        }
        fault.map(|()| work)
    }

    /// The record that caused the last event; 0 before the first.
    pub fn last_cause(&self) -> u64 {
        let stamp = self.events.last().and_then(|event| event::stamp(event));
        stamp.map_or(0, |stamp| stamp.seq.get())
    }

    /// A hash of all bytes of the event log.
    pub fn event_log_hash(&self) -> u64 {
        self.events.iter().fold(0, |hash, event| {
            event.chunks(8).fold(hash_words(&[hash, event.len() as u64]), |hash, chunk| {
                let mut word = [0; 8];
                word[..chunk.len()].copy_from_slice(chunk);
                hash_words(&[hash, u64::from_le_bytes(word)])
            })
        })
    }
}
