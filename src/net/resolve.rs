//! The DNS for trunks: one question of `trunk` in, the records and their time to live out.
//!
//! Which questions follow from an answer is RFC 3263's matter and `trunk::Lookup`'s. The server is the system's
//! (`/etc/resolv.conf`), names of `/etc/hosts` are known.

use crate::trunk::Answer;
use crate::trunk::Failure;
use crate::trunk::Question;
use crate::trunk::Record;
use hickory_resolver::TokioResolver;
use hickory_resolver::config::LookupIpStrategy;
use hickory_resolver::net::NetError;
use hickory_resolver::proto::rr::RData;
use hickory_resolver::proto::rr::RecordType;
use std::time::Duration;

/// How long one name server is waited for, and how often it is asked.
const TIMEOUT: Duration = Duration::from_secs(3);
const ATTEMPTS: usize = 2;
/// Records of an answer that are looked at.
const RECORDS_MAX: usize = 64;
/// How long "there is no such name" holds: RFC 2308 section 5 wants it bounded, and a carrier's mistake is soon mended.
const MISSING_TTL: Duration = Duration::from_secs(30);

/// The resolver; clones share it.
#[derive(Clone)]
pub struct Resolver(Option<TokioResolver>);

impl Resolver {
    /// From the system's configuration; without a usable one, every question is unanswered and the log says why.
    pub fn of_system() -> Self {
        let built = TokioResolver::builder_tokio().and_then(|mut builder| {
            let options = builder.options_mut();
            options.timeout = TIMEOUT;
            options.attempts = ATTEMPTS;
            options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
            // The trunks keep what they are told for as long as it holds; a second cache would make that longer.
            options.cache_size = 0;
            builder.build()
        });
        match built {
            Ok(resolver) => Self(Some(resolver)),
            Err(error) => {
                tracing::error!(%error, "names of trunks can't be resolved: check /etc/resolv.conf");
                Self(None)
            }
        }
    }

    /// Asks, and waits for the answer.
    pub async fn ask(&self, question: &Question) -> Answer {
        let Some(resolver) = &self.0 else { return failed(Failure::Unanswered) };
        match question {
            Question::Naptr(name) => typed(resolver, name, RecordType::NAPTR).await,
            Question::Srv(name) => typed(resolver, name, RecordType::SRV).await,
            Question::Address(name) => match resolver.lookup_ip(name.as_str()).await {
                Ok(found) => {
                    let addresses = found.iter().take(RECORDS_MAX).map(Record::Address).collect();
                    answered(addresses, found.as_lookup().answers().iter().map(|record| record.ttl))
                }
                Err(error) => refused(question, &error),
            },
        }
    }
}

async fn typed(resolver: &TokioResolver, name: &str, kind: RecordType) -> Answer {
    match resolver.lookup(name, kind).await {
        Ok(found) => {
            let records = found.answers().iter().take(RECORDS_MAX).filter_map(|record| read(&record.data));
            answered(records.collect(), found.answers().iter().map(|record| record.ttl))
        }
        Err(error) => refused(&Question::Srv(name.to_owned()), &error),
    }
}

fn read(data: &RData) -> Option<Record> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if let RData::SRV(srv) = data {
        return Some(Record::Srv {
            priority: srv.priority,
            weight: srv.weight,
            port: srv.port,
            target: srv.target.to_ascii(),
        });
    }
    let RData::NAPTR(naptr) = data else { return None };
    Some(Record::Naptr {
        order: naptr.order,
        preference: naptr.preference,
        flags: text(&naptr.flags),
        services: text(&naptr.services),
        replacement: naptr.replacement.to_ascii(),
    })
}

fn answered(records: Vec<Record>, ttls: impl Iterator<Item = u32>) -> Answer {
    let ttl = ttls.min().map_or(MISSING_TTL, |seconds| Duration::from_secs(seconds.into()));
    Answer { records: Ok(records), ttl }
}

fn refused(question: &Question, error: &NetError) -> Answer {
    tracing::debug!(?question, %error, "the DNS has no answer");
    failed(if error.is_no_records_found() { Failure::Missing } else { Failure::Unanswered })
}

fn failed(failure: Failure) -> Answer {
    Answer { records: Err(failure), ttl: MISSING_TTL }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hickory_resolver::config::ConnectionConfig;
    use hickory_resolver::config::NameServerConfig;
    use hickory_resolver::config::ResolverConfig;
    use hickory_resolver::net::runtime::TokioRuntimeProvider;
    use std::net::Ipv4Addr;

    /// A name server on loopback that answers one SRV record to everything, or nothing.
    async fn ask_a_server(answers: bool) -> Answer {
        let socket = tokio::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = socket.local_addr().unwrap().port();
        let mut connection = ConnectionConfig::udp();
        connection.port = port;
        let server = NameServerConfig::new(Ipv4Addr::LOCALHOST.into(), true, vec![connection]);
        let config = ResolverConfig::from_parts(None, Vec::new(), vec![server]);
        let mut builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
        builder.options_mut().timeout = Duration::from_millis(200);
        builder.options_mut().attempts = 1;
        let resolver = Resolver(Some(builder.build().unwrap()));
        let serve = async {
            let mut buffer = [0_u8; 512];
            loop {
                let (len, from) = socket.recv_from(&mut buffer).await.unwrap();
                if !answers {
                    continue;
                }
                // RFC 1035 section 4.1: the header with one answer, the question as it came, and the record.
                let question_end = 12 + buffer[12..len].iter().position(|byte| *byte == 0).unwrap() + 5;
                let mut reply = buffer[..question_end].to_vec();
                reply[2..12].copy_from_slice(&[0x84, 0, 0, 1, 0, 1, 0, 0, 0, 0]);
                let target = b"\x01a\x07carrier\x07example\x00";
                reply.extend([0xc0, 12, 0, 33, 0, 1, 0, 0, 0, 120]);
                reply.extend(u16::try_from(6 + target.len()).unwrap().to_be_bytes());
                reply.extend([0, 10, 0, 60, 0x13, 0xc4]);
                reply.extend(target);
                socket.send_to(&reply, from).await.unwrap();
            }
        };
        let question = Question::Srv("_sip._udp.carrier.example".to_owned());
        tokio::select! {
            answer = resolver.ask(&question) => answer,
            () = serve => unreachable!("the server runs for ever"),
        }
    }

    fn run(body: impl Future<Output = Answer>) -> Answer {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(body)
    }

    #[test]
    fn records_of_a_name_server_are_read() {
        let answer = run(ask_a_server(true));
        let target = "a.carrier.example.".to_owned();
        assert_eq!(answer.records, Ok(vec![Record::Srv { priority: 10, weight: 60, port: 5060, target }]));
        assert_eq!(answer.ttl, Duration::from_secs(120));
    }

    #[test]
    fn a_silent_name_server_is_no_missing_name() {
        assert_eq!(run(ask_a_server(false)).records, Err(Failure::Unanswered));
    }
}
