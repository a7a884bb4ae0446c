//! An account of ours at a server: keeps its last challenges, counts the uses of each nonce, and says when to give up.
//!
//! Not a transaction: the request is sent again by its owner, as a new one with the next CSeq (RFC 3261 section 8.1.3.5).
//! `auth-int` alone and unknown algorithms can't be answered; [`Challenge`] leaves them out.

use crate::ids::Random;
use crate::sip::digest::challenge::Challenge;
use crate::sip::digest::challenge::Login;
use crate::sip::msg::Message;
use crate::sip::msg::Method;
use crate::sip::msg::Name;

/// Challenges to one request that are answered: a proxy's and the server's, each with a stale nonce once.
const ANSWERS_MAX: u8 = 4;

/// What a challenge means.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Reaction {
    /// Send the request again with what [`Client::authorize`] gives.
    Again,
    /// Our password is wrong: trying again would lock the account.
    Wrong,
    /// There is nothing in it that we could answer.
    Unanswerable,
}

/// What was answered for one request.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    server: u8,
    proxy: u8,
}

#[derive(Clone, Debug)]
struct Kept {
    challenge: Challenge<'static>,
    uses: u32,
}

/// An account.
#[derive(Clone, Debug)]
pub struct Client {
    login: Login,
    server: Option<Kept>,
    proxy: Option<Kept>,
}

impl Client {
    /// An account that was never challenged.
    pub fn new(login: Login) -> Self {
        Self { login, server: None, proxy: None }
    }

    /// A 401 or 407 to a request; `told` is what was answered for it before.
    pub fn challenged(&mut self, response: &Message, told: &mut Told) -> Reaction {
        let (header, kept, answers) = match response.status() {
            Some(401) => (Name::WwwAuthenticate, &mut self.server, &mut told.server),
            Some(407) => (Name::ProxyAuthenticate, &mut self.proxy, &mut told.proxy),
            Some(_) | None => return Reaction::Unanswerable,
        };
        let Some(challenge) = Challenge::topmost(response, header) else { return Reaction::Unanswerable };
        // RFC 7616 section 3.3: with `stale`, "the client may wish to simply retry the request with a new encrypted
        // response, without reprompting the user"; without it the password is wrong.
        if (*answers > 0 && !challenge.is_stale) || *answers >= ANSWERS_MAX {
            *kept = None;
            return Reaction::Wrong;
        }
        *answers += 1;
        *kept = Some(Kept { challenge: challenge.into_owned(), uses: 0 });
        Reaction::Again
    }

    /// The headers for a request, from the challenges known; RFC 7616 section 3.4: `nc` counts the requests sent with a
    /// nonce. Empty before the first challenge.
    pub fn authorize(&mut self, method: Method<'_>, uri: &[u8], random: &mut Random) -> Vec<(Name, Vec<u8>)> {
        let mut headers = Vec::new();
        let slots = [(Name::ProxyAuthorization, &mut self.proxy), (Name::Authorization, &mut self.server)];
        for (header, slot) in slots {
            let Some(kept) = slot else { continue };
            kept.uses = kept.uses.saturating_add(1);
            let value = self.login.answer(&kept.challenge, method, uri, kept.uses, random);
            headers.extend(value.map(|value| (header, value)));
        }
        headers
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Wall;
    use crate::sip::digest::Algorithm;
    use crate::sip::digest::Credentials;
    use crate::sip::digest::Ha1;
    use crate::sip::digest::Realm;
    use crate::sip::digest::Verdict;
    use std::time::Duration;

    fn response(status: u16, header: &str, values: &[Vec<u8>]) -> Message {
        let mut text = format!("SIP/2.0 {status} No\r\n");
        for value in values {
            text.push_str(&format!("{header}: {}\r\n", String::from_utf8_lossy(value)));
        }
        Message::parse((text + "\r\n").into()).unwrap()
    }

    const URI: &[u8] = b"sip:carrier.example";

    fn client() -> Client {
        Client::new(Login::with_password("user", "secret"))
    }

    #[test]
    fn a_real_server_accepts_each_algorithm_and_the_count_grows() {
        for algorithm in Algorithm::STRONGEST_FIRST {
            let mut random = Random::seeded(1);
            let realm = Realm::new("carrier", [7; 32], &[algorithm], Duration::from_secs(60));
            let at = Wall::from_micros(1_000_000_000);
            let challenge = response(401, "WWW-Authenticate", &realm.challenges(at, false, &mut random));
            let (mut client, mut told) = (client(), Told::default());
            assert!(client.authorize(Method::Register, URI, &mut random).is_empty());
            assert_eq!(client.challenged(&challenge, &mut told), Reaction::Again);
            for count in 1..4 {
                let headers = client.authorize(Method::Register, URI, &mut random);
                let [(Name::Authorization, value)] = &headers[..] else { panic!("{headers:?}") };
                let said = Credentials::parse(value).unwrap();
                assert_eq!(said.nonce_count(), Some(count));
                let ha1 = Ha1::of_password(algorithm, b"user", b"carrier", b"secret");
                assert_eq!(realm.verify(&said, Some(&ha1), Method::Register, at), Verdict::Ok);
            }
        }
    }

    fn digest(rest: &str) -> Vec<u8> {
        format!("Digest realm=\"r\", nonce=\"n\"{rest}").into_bytes()
    }

    #[test]
    fn a_second_refusal_is_a_wrong_password_unless_the_nonce_was_stale() {
        let plain = response(407, "Proxy-Authenticate", &[digest(", qop=\"auth\"")]);
        let stale = response(407, "Proxy-Authenticate", &[digest(", stale=true, qop=\"auth\"")]);
        let (mut client, mut told) = (client(), Told::default());
        assert_eq!(client.challenged(&plain, &mut told), Reaction::Again);
        assert_eq!(client.challenged(&stale, &mut told), Reaction::Again);
        let headers = client.authorize(Method::Invite, URI, &mut Random::seeded(2));
        assert!(matches!(&headers[..], [(Name::ProxyAuthorization, _)]));
        assert_eq!(client.challenged(&plain, &mut told), Reaction::Wrong);
        assert!(client.authorize(Method::Invite, URI, &mut Random::seeded(2)).is_empty());
        // A server that says stale for ever is not followed for ever.
        let mut told = Told::default();
        let again = (0..20).filter(|_| client.challenged(&stale, &mut told) == Reaction::Again).count();
        assert_eq!(again, usize::from(ANSWERS_MAX));
    }

    #[test]
    fn a_proxy_and_the_server_behind_it_are_both_answered() {
        let (mut client, mut told) = (client(), Told::default());
        let proxy = response(407, "Proxy-Authenticate", &[digest("")]);
        let server = response(401, "WWW-Authenticate", &[digest("")]);
        assert_eq!(client.challenged(&proxy, &mut told), Reaction::Again);
        assert_eq!(client.challenged(&server, &mut told), Reaction::Again);
        assert_eq!(client.authorize(Method::Invite, URI, &mut Random::seeded(3)).len(), 2);
    }

    #[test]
    fn what_cannot_be_answered_is_not() {
        let (mut client, mut told) = (client(), Told::default());
        for value in
            [digest(", qop=\"auth-int\""), digest(", algorithm=SHA-3"), b"Basic realm=\"r\"".to_vec()]
        {
            let asked = response(401, "WWW-Authenticate", &[value]);
            assert_eq!(client.challenged(&asked, &mut told), Reaction::Unanswerable);
        }
        let both =
            response(401, "WWW-Authenticate", &[digest(", qop=\"auth-int\""), digest(", qop=\"auth\"")]);
        assert_eq!(client.challenged(&both, &mut told), Reaction::Again);
    }
}
