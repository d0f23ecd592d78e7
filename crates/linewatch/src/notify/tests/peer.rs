//! A mail server of a few lines that behaves as badly as its script says, one behaviour per connection.

use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// How one connection goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Behaviour {
    Good,
    /// Closes without a word.
    HangUp,
    /// These words instead of a banner.
    Banner(&'static str),
    SilentBanner,
    /// These words to the n-th RCPT, from 0.
    Rcpt(usize, &'static str),
    /// Takes the content and never says so.
    SilentData,
    /// Takes the message, and the connection breaks before the answer.
    ResetAfterDot,
    /// These words to the content.
    Content(&'static str),
    NoStartTls,
}

/// What a connection is protected by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cover {
    Plain,
    StartTls,
    Implicit,
}

/// What was heard.
#[derive(Debug, Default)]
pub(super) struct Heard {
    /// Messages it took, in their order.
    pub accepted: Vec<String>,
    /// Lines that came before TLS.
    pub clear: Vec<String>,
    /// Lines that came within TLS.
    pub secret: Vec<String>,
    pub connections: usize,
}

pub(super) struct Peer {
    pub address: SocketAddr,
    /// Certificate of "localhost", PEM.
    pub certificate: String,
    heard: Arc<Mutex<Heard>>,
}

struct Server {
    script: Vec<Behaviour>,
    cover: Cover,
    tls: Arc<ServerConfig>,
    heard: Arc<Mutex<Heard>>,
}

impl Peer {
    /// The last behaviour goes on. The certificate is of `host`.
    pub(super) fn start(script: &[Behaviour], cover: Cover, host: &str) -> Self {
        let certified = rcgen::generate_simple_self_signed(vec![host.to_owned()]).expect("a certificate");
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(certified.signing_key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![certified.cert.der().clone()], key)
            .expect("a certificate");
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let heard = Arc::<Mutex<Heard>>::default();
        let server = Server {
            script: script.to_vec(),
            cover,
            tls: Arc::new(tls),
            heard: Arc::clone(&heard),
        };
        let address = listener.local_addr().expect("an address");
        // It ends with the test's process.
        thread::spawn(move || {
            for (number, stream) in listener.incoming().flatten().enumerate() {
                server.serve(number, stream);
            }
        });
        Self {
            address,
            certificate: certified.cert.pem(),
            heard,
        }
    }

    pub(super) fn heard(&self) -> std::sync::MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Message-IDs of what it took.
    pub(super) fn ids(&self) -> Vec<String> {
        let id = |mail: &String| {
            let line = mail.lines().find_map(|line| line.strip_prefix("Message-ID: "));
            line.expect("an id").to_owned()
        };
        self.heard().accepted.iter().map(id).collect()
    }
}

impl Server {
    fn hear(&self) -> std::sync::MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self, number: usize, stream: TcpStream) {
        let behaviour = self.script[number.min(self.script.len() - 1)];
        self.hear().connections += 1;
        // A client that breaks off is what half of these tests are about.
        let _ = match self.cover {
            Cover::Implicit => self.talk(behaviour, self.protect(stream), true),
            Cover::Plain | Cover::StartTls => self.talk(behaviour, stream, false),
        };
    }

    fn protect(&self, stream: TcpStream) -> StreamOwned<ServerConnection, TcpStream> {
        let connection = ServerConnection::new(Arc::clone(&self.tls)).expect("a connection");
        StreamOwned::new(connection, stream)
    }

    fn talk<S: Read + Write + Upgrade>(
        &self,
        behaviour: Behaviour,
        stream: S,
        is_secret: bool,
    ) -> std::io::Result<()> {
        let mut stream = BufReader::new(stream);
        match behaviour {
            Behaviour::HangUp => return Ok(()),
            Behaviour::SilentBanner => return wait_for_end(&mut stream),
            Behaviour::Banner(words) => say(&mut stream, words)?,
            _ if !is_secret || self.cover == Cover::Implicit => say(&mut stream, "220 peer ESMTP")?,
            _ => {}
        }
        let mut recipients = 0;
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line)? == 0 {
                return Ok(());
            }
            let line = line.trim_end().to_owned();
            let verb = line
                .split([' ', ':'])
                .next()
                .unwrap_or_default()
                .to_ascii_uppercase();
            if is_secret {
                self.hear().secret.push(line);
            } else {
                self.hear().clear.push(line);
            }
            match verb.as_str() {
                "EHLO" => {
                    let can_start =
                        self.cover == Cover::StartTls && !is_secret && behaviour != Behaviour::NoStartTls;
                    say(&mut stream, "250-peer")?;
                    if can_start {
                        say(&mut stream, "250-STARTTLS")?;
                    }
                    // Offered in the clear as well: a careless client would use it.
                    say(&mut stream, "250 AUTH PLAIN LOGIN")?;
                }
                "STARTTLS" => {
                    say(&mut stream, "220 go ahead")?;
                    let Some(plain) = stream.into_inner().plain() else {
                        return Ok(());
                    };
                    return self.talk(behaviour, self.protect(plain), true);
                }
                "AUTH" => say(&mut stream, "235 2.7.0 welcome")?,
                "RCPT" => {
                    let words = match behaviour {
                        Behaviour::Rcpt(place, words) if place == recipients => words,
                        _ => "250 2.1.5 ok",
                    };
                    recipients += 1;
                    say(&mut stream, words)?;
                }
                "DATA" => {
                    say(&mut stream, "354 go on")?;
                    let mail = content(&mut stream)?;
                    match behaviour {
                        Behaviour::SilentData => return wait_for_end(&mut stream),
                        Behaviour::ResetAfterDot => {
                            self.hear().accepted.push(mail);
                            return Ok(());
                        }
                        Behaviour::Content(words) => say(&mut stream, words)?,
                        _ => {
                            self.hear().accepted.push(mail);
                            say(&mut stream, "250 2.0.0 queued as 1")?;
                        }
                    }
                }
                "QUIT" => return say(&mut stream, "221 bye"),
                _ => say(&mut stream, "250 ok")?,
            }
        }
    }
}

/// A stream under which TLS can begin.
trait Upgrade {
    fn plain(self) -> Option<TcpStream>;
}

impl Upgrade for TcpStream {
    fn plain(self) -> Option<TcpStream> {
        Some(self)
    }
}

impl Upgrade for StreamOwned<ServerConnection, TcpStream> {
    fn plain(self) -> Option<TcpStream> {
        None
    }
}

fn say<S: Read + Write>(stream: &mut BufReader<S>, words: &str) -> std::io::Result<()> {
    stream.get_mut().write_all(format!("{words}\r\n").as_bytes())?;
    stream.get_mut().flush()
}

/// Says nothing until the client has had enough.
fn wait_for_end<S: Read>(stream: &mut BufReader<S>) -> std::io::Result<()> {
    std::io::copy(stream, &mut std::io::sink()).map(drop)
}

/// Up to the dot, without its stuffing.
fn content<S: Read>(stream: &mut BufReader<S>) -> std::io::Result<String> {
    let mut mail = String::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line)? == 0 || line == ".\r\n" {
            // Soft line breaks of quoted-printable are no part of what was written.
            return Ok(mail.replace("=\r\n", ""));
        }
        mail.push_str(line.strip_prefix('.').unwrap_or(&line));
    }
}
