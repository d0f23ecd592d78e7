//! Starts the program as a process and asks its page: for tests about the whole of it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::Context as _;

/// A running `serve`; ended with the test.
pub(crate) struct Serving {
    child: Child,
    address: String,
}

impl Serving {
    #[expect(
        clippy::disallowed_methods,
        reason = "the test is about the program as a process"
    )]
    pub(crate) fn start(program: &Path, directory: &Path, configuration: &str) -> anyhow::Result<Self> {
        let file = directory.join("linewatch.toml");
        std::fs::write(&file, configuration)?;
        let mut child = Command::new(program)
            .args(["serve", "--listen", "127.0.0.1:0", "--config"])
            .arg(&file)
            .arg("--data-dir")
            .arg(directory.join("data"))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let lines = BufReader::new(child.stdout.take().context("no output")?).lines();
        let running = lines
            .map_while(Result::ok)
            .find_map(|line| line.strip_prefix("Running on http://").map(str::to_owned));
        let address = running.context("it did not start")?;
        Ok(Self { child, address })
    }

    /// Where its page is, `ADDRESS:PORT/base`.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn get(&self, path: &str) -> anyhow::Result<String> {
        let mut stream = TcpStream::connect(&self.address)?;
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n",
            self.address
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // It may have ended by itself; the test has failed then.
        let _ended = self.child.kill();
        let _ended = self.child.wait();
    }
}
