//! The built program on an address that other computers reach: the password of the first start, the page's door, the commands beside it.
//!
//! Each test has a network namespace of its own, so that nothing leaves this computer.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use anyhow::{Context as _, ensure};
use linewatch_e2e::serving::{Reply, ask};
use linewatch_e2e::{binary, namespace};

/// Of the documentation network (RFC 5737): no loopback address, whatever device has it.
const OURS: &str = "192.0.2.10";

#[track_caller]
fn with_program(name: &'static str, test: impl FnOnce(PathBuf) -> anyhow::Result<()> + Send + 'static) {
    match binary::find() {
        Ok(program) => namespace::run(name, move || {
            namespace::ip(&format!("address add {OURS}/24 dev lo"))?;
            test(program)
        }),
        Err(missing) => namespace::skip(name, &missing),
    }
}

/// A running monitor and what it printed until it was ready.
struct Monitor {
    child: Child,
    printed: String,
    address: SocketAddr,
}

impl Monitor {
    fn start(program: &Path, data: &Path, config: &str, listen: &str) -> anyhow::Result<Self> {
        let file = data.join("linewatch.toml");
        std::fs::write(&file, config)?;
        let mut child = command(program, data)
            .args(["serve", "--listen", listen, "--config"])
            .arg(&file)
            .arg("127.0.0.1")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("start the program")?;
        let mut lines = BufReader::new(child.stdout.take().context("its output")?);
        let mut printed = String::new();
        while !printed.contains("Monitoring ready") {
            ensure!(lines.read_line(&mut printed)? > 0, "it ended after: {printed}");
        }
        let at = printed.split("Running on http://").nth(1).context("an address")?;
        let address = at
            .lines()
            .next()
            .unwrap_or_default()
            .trim_end_matches('/')
            .parse()?;
        Ok(Self {
            child,
            printed,
            address,
        })
    }

    fn password(&self) -> Option<String> {
        let rest = self.printed.split("Admin password: ").nth(1)?;
        Some(rest.lines().next()?.to_owned())
    }

    fn ask(&self, method: &str, path: &str, headers: &str, body: &str) -> anyhow::Result<Reply> {
        ask(self.address, method, path, headers, body)
    }

    fn log_in(&self, password: &str) -> anyhow::Result<(u16, String)> {
        let body = serde_json::json!({ "password": password }).to_string();
        let reply = self.ask("POST", "/api/v1/login", "", &body)?;
        let cookie = reply
            .header("set-cookie")
            .and_then(|cookie| cookie.split(';').next());
        Ok((
            reply.status,
            format!("cookie: {}\r\n", cookie.unwrap_or_default()),
        ))
    }

    fn stop_target(&self, headers: &str) -> anyhow::Result<u16> {
        Ok(self
            .ask("POST", "/api/v1/targets/127-0-0-1/stop", headers, "{}")?
            .status)
    }
}

impl Drop for Monitor {
    fn drop(&mut self) {
        // The test is over; how the monitor ends is another test's.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the test is about the program as a process"
)]
fn command(program: &Path, data: &Path) -> Command {
    let mut command = Command::new(program);
    command.arg("--data-dir").arg(data);
    command
}

fn admin(program: &Path, data: &Path, arguments: &[&str]) -> anyhow::Result<Output> {
    let output = command(program, data).arg("admin").args(arguments).output()?;
    ensure!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(output)
}

/// The first line of standard output: the secret.
fn secret(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().next().unwrap_or_default().to_owned()
}

#[test]
fn other_computers_look_and_change_with_the_password_of_the_first_start_alone() {
    with_program("other computers", |program| {
        let data = tempfile::tempdir()?;
        let monitor = Monitor::start(&program, data.path(), "", &format!("{OURS}:0"))?;
        let password = monitor.password().context("printed once")?;
        ensure!(monitor.printed.contains("admin.hash"), "{}", monitor.printed);
        ensure!(
            monitor.ask("GET", "/api/v1/overview", "", "")?.status == 200,
            "looking is open"
        );
        ensure!(monitor.stop_target("")? == 401, "a change is not");
        let forged = [
            "x-forwarded-for: 127.0.0.1\r\n",
            "forwarded: for=127.0.0.1\r\n",
            "x-real-ip: ::1\r\n",
            "authorization: Bearer x\r\n",
            "cookie: linewatch_session=x\r\n",
        ];
        for headers in forged {
            ensure!(monitor.stop_target(headers)? == 401, "{headers}");
        }
        ensure!(monitor.log_in("wrong")?.0 == 401, "not the password");
        let (status, session) = monitor.log_in(&password)?;
        ensure!(status == 200, "the password: {status}");
        ensure!(monitor.stop_target(&session)? == 200, "signed in");
        for foreign in [
            "origin: http://evil.example\r\n",
            "sec-fetch-site: cross-site\r\n",
            "origin: null\r\n",
        ] {
            ensure!(
                monitor.stop_target(&format!("{foreign}{session}"))? == 403,
                "{foreign}"
            );
        }
        let fresh = secret(&admin(&program, data.path(), &["reset-password"])?);
        // Within a second the running monitor has seen it: until then it is asked again, for at most 20 answers.
        let mut statuses = Vec::new();
        while statuses.last() != Some(&401) && statuses.len() < 2000 {
            statuses.push(monitor.stop_target(&session)?);
        }
        ensure!(
            statuses.last() == Some(&401),
            "still signed in after {} answers",
            statuses.len()
        );
        ensure!(monitor.log_in(&fresh)?.0 == 200, "the new password");
        drop(monitor);
        let again = Monitor::start(&program, data.path(), "", &format!("{OURS}:0"))?;
        ensure!(
            again.password().is_none() && !again.printed.contains(&fresh),
            "printed once"
        );
        Ok(())
    });
}

#[test]
fn a_token_made_beside_the_monitor_is_worth_its_role() {
    with_program("tokens", |program| {
        let data = tempfile::tempdir()?;
        let closed = "[server]\npublic_read = false\n";
        let viewer = secret(&admin(
            &program,
            data.path(),
            &["token", "create", "--role", "viewer"],
        )?);
        let operator = secret(&admin(
            &program,
            data.path(),
            &["token", "create", "--role", "operator"],
        )?);
        let monitor = Monitor::start(&program, data.path(), closed, &format!("{OURS}:0"))?;
        let bearer = |token: &str| format!("authorization: Bearer {token}\r\n");
        ensure!(
            monitor.ask("GET", "/api/v1/overview", "", "")?.status == 401,
            "closed"
        );
        ensure!(
            monitor.ask("GET", "/", "", "")?.status == 200,
            "the page itself, which asks for the password"
        );
        ensure!(
            monitor
                .ask("GET", "/api/v1/overview", &bearer(&viewer), "")?
                .status
                == 200,
            "a viewer looks"
        );
        ensure!(monitor.stop_target(&bearer(&viewer))? == 403, "and no more");
        ensure!(
            monitor.stop_target(&bearer(&operator))? == 200,
            "an operator stops"
        );
        ensure!(
            monitor
                .ask("GET", "/api/v1/tokens", &bearer(&operator), "")?
                .status
                == 403,
            "and is no admin"
        );
        attach_asks_with_the_token(&program, data.path(), monitor.address, &viewer)?;
        let text = std::fs::read_to_string(data.path().join("admin.hash"))?;
        ensure!(
            !text.contains(&viewer) && !text.contains(&operator),
            "hashes only"
        );
        Ok(())
    });
}

/// `attach` beside a closed monitor: refused without a token and with a wrong one, in by a file or by the environment.
fn attach_asks_with_the_token(
    program: &Path,
    data: &Path,
    address: SocketAddr,
    token: &str,
) -> anyhow::Result<()> {
    let file = data.join("token");
    let attach = |named: &str, words: &[&str]| {
        let mut attach = command(program, data);
        attach
            .env("LINEWATCH_TOKEN", named)
            .args(["attach", "--plain", &address.to_string()])
            .args(words);
        attach.output()
    };
    let by_file = ["--token-file", &file.display().to_string()];
    std::fs::write(&file, "lw_wrong\n")?;
    for refused in [attach("", &[])?, attach("", &by_file)?] {
        let said = String::from_utf8_lossy(&refused.stderr);
        ensure!(refused.status.code() == Some(1), "{said}");
        ensure!(said.contains("token create --role viewer"), "{said}");
    }
    std::fs::write(&file, format!("{token}\n"))?;
    for let_in in [attach("", &by_file)?, attach(token, &[])?] {
        let shown = String::from_utf8_lossy(&let_in.stdout);
        ensure!(let_in.status.success(), "{let_in:?}");
        ensure!(shown.contains("127.0.0.1"), "{shown}");
    }
    Ok(())
}

#[test]
fn loopback_is_open_and_makes_no_password_and_off_is_said() {
    with_program("loopback", |program| {
        let data = tempfile::tempdir()?;
        let monitor = Monitor::start(&program, data.path(), "", "127.0.0.1:0")?;
        ensure!(
            monitor.printed.contains("Only this computer can open this page."),
            "{}",
            monitor.printed
        );
        ensure!(
            monitor.password().is_none() && !data.path().join("admin.hash").exists(),
            "none is needed"
        );
        ensure!(monitor.stop_target("")? == 200, "open");
        drop(monitor);
        let off = "[server]\nauth = \"off\"\n";
        let monitor = Monitor::start(&program, data.path(), off, &format!("{OURS}:0"))?;
        ensure!(
            monitor.printed.contains("everybody who reaches this address"),
            "{}",
            monitor.printed
        );
        ensure!(monitor.stop_target("")? == 200, "written by hand");
        Ok(())
    });
}

#[test]
fn who_asks_for_the_diagnosis_while_it_is_made_gets_the_same() {
    with_program("two ask", |program| {
        let data = tempfile::tempdir()?;
        let monitor = Monitor::start(&program, data.path(), "", "127.0.0.1:0")?;
        let ask = || monitor.ask("GET", "/api/v1/doctor?fresh=1", "", "");
        let answers = std::thread::scope(|scope| {
            let askers: Vec<_> = (0..4).map(|_| scope.spawn(ask)).collect();
            askers
                .into_iter()
                .map(|asker| asker.join().map_err(|_| anyhow::anyhow!("an asker panicked"))?)
                .collect::<anyhow::Result<Vec<_>>>()
        })?;
        ensure!(answers.iter().all(|reply| reply.status == 200), "{answers:?}");
        ensure!(
            answers.iter().all(|reply| reply.body == answers[0].body),
            "{answers:?}"
        );
        Ok(())
    });
}
