//! Asks the mail server whether it would take a mail, up to the login, and sends nothing.

use linewatch_render::doctor::{Finding, Verdict};

use crate::config::alerts::Alerts;
use crate::notify;

/// What the server says; `None` where no mail is configured.
pub(super) fn mail(alerts: &Alerts) -> Option<Finding> {
    notify::check_mail(alerts).map(|said| judge(&said))
}

fn judge(said: &Result<String, String>) -> Finding {
    match said {
        Ok(words) => Finding::new(
            "mail",
            Verdict::Ok,
            format!("the mail server would take a mail: {words}"),
        ),
        Err(words) => Finding::new(
            "mail",
            Verdict::Fault,
            format!("no alert would arrive by mail: {words}"),
        )
        .cure("linewatch check-config  # and look at [alerts.email]"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_servers_words_are_told() {
        let finding = judge(&Err("535 5.7.8 authentication failed".to_owned()));
        assert!(finding.sentence.ends_with("535 5.7.8 authentication failed"));
        assert_eq!(judge(&Ok("250 ready".to_owned())).verdict, Verdict::Ok);
    }
}
