//! The whole route table, asked by everybody there is, in every method and in spellings that should not exist.

use super::TestServer;
use super::access::{JSON, PASSWORD, UPGRADE, cookie, log_in, open_server, token};
use crate::TokenRole;
use crate::guard::Role;
use crate::routes::{Action, ROUTES};

const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/// One request of a route as a stranger, or somebody, would send it.
async fn ask(server: &TestServer, method: &str, path: &str, action: Action, who: &[(&str, &str)]) -> u16 {
    let mut headers = who.to_vec();
    let mut body = "";
    match action {
        Action::Read => {}
        Action::Change => {
            headers.push(JSON);
            body = "{}";
        }
        Action::Upgrade => {
            headers.extend(UPGRADE);
            // A protocol we do not speak: judged like any other, and answered with 400 instead of a WebSocket.
            headers.push(("sec-websocket-protocol", "none"));
        }
    }
    server.send(method, path, &headers, body).await.status
}

fn path_of(pattern: &str) -> String {
    let path = pattern.replace("{id}", "fra").replace("{hash}", "dev");
    path.replace("{*path}", "x.js")
}

/// Route x role, as the server answers; `cargo nextest run -p linewatch-web --no-capture route_times_role` prints it.
#[tokio::test]
#[expect(clippy::print_stdout, reason = "the table is the proof")]
async fn route_times_role_times_spelling_is_as_the_table_says() {
    let (open, closed) = (open_server(true), open_server(false));
    let mut table = vec![format!(
        "{:<6} {:<34} {:<9} {:<8} {:<8} {:<8} {:<8} {:<8} {}",
        "", "", "needs", "nobody", "nobody*", "viewer", "operator", "admin", "session"
    )];
    let tokens = TokenRole::ALL.map(|role| (role.role(), token(&open, role)));
    let session = cookie(&log_in(&open, PASSWORD, false).await);
    for route in &ROUTES {
        let (method, path) = (route.method.as_str(), path_of(route.pattern));
        let mut cells = Vec::new();
        let mut note = |status: u16, is_allowed: bool, is_known: bool| {
            let refused = if is_known { 403 } else { 401 };
            assert_eq!(
                status == 401 || status == 403,
                !is_allowed,
                "{method} {path}: {status}"
            );
            assert!(is_allowed || status == refused, "{method} {path}: {status}");
            cells.push(if is_allowed {
                "yes".to_owned()
            } else {
                status.to_string()
            });
        };
        // The wrong password of an empty log-in is refused by its field, not by a role.
        note(
            ask(&open, method, &path, route.action, &[]).await,
            route.role <= Role::Viewer,
            false,
        );
        note(
            ask(&closed, method, &path, route.action, &[]).await,
            route.role == Role::Public,
            false,
        );
        for (role, token) in &tokens {
            let who = [("authorization", token.as_str())];
            note(
                ask(&open, method, &path, route.action, &who).await,
                route.role <= *role,
                true,
            );
        }
        if route.pattern != "/api/v1/logout" {
            let who = [("cookie", session.as_str())];
            note(ask(&open, method, &path, route.action, &who).await, true, true);
        } else {
            cells.push("yes".to_owned());
        }
        table.push(format!(
            "{method:<6} {:<34} {:<9} {:<8} {:<8} {:<8} {:<8} {:<8} {}",
            route.pattern,
            route.role.word(),
            cells[0],
            cells[1],
            cells[2],
            cells[3],
            cells[4],
            cells[5]
        ));
    }
    println!("{}\n* with public_read = false", table.join("\n"));
}

#[tokio::test]
async fn no_spelling_and_no_other_method_opens_a_route_to_anybody() {
    let server = open_server(true);
    let admin = token(&server, TokenRole::Admin);
    let as_admin = [("authorization", admin.as_str()), JSON];
    for route in ROUTES.iter().filter(|route| route.pattern != "/") {
        let path = path_of(route.pattern);
        let odd = [
            format!("/{path}"),
            format!("/x/..{path}"),
            format!("/.{path}"),
            format!("{path}/"),
            format!("{path}/."),
            format!("{path}%00"),
            format!("{path};x"),
            format!("{path}%2f.."),
            path.replacen('/', "\\", 1),
            format!("/%{:02x}{}", path.as_bytes()[1], &path[2..]),
        ];
        for odd in odd {
            let status = server
                .send(route.method.as_str(), &odd, &as_admin, "{}")
                .await
                .status;
            assert!(status == 404 || status == 400, "{} {odd}: {status}", route.method);
        }
        for method in METHODS {
            let is_known = |known: &&crate::routes::Route| {
                known.pattern == route.pattern
                    && (known.method == method || method == "HEAD" && known.method == "GET")
            };
            if !ROUTES.iter().any(|known| is_known(&known)) {
                let status = server.send(method, &path, &as_admin, "{}").await.status;
                // `/api/v1/alerts/outbox/{id}` and its like may be another route's words.
                assert!(
                    status == 405
                        || ROUTES
                            .iter()
                            .filter(|other| path_of(other.pattern) == path)
                            .count()
                            > 1,
                    "{method} {path}: {status}"
                );
            }
        }
    }
    assert!(server.changes.lock().expect("changes").is_empty());
}
