//! Makes a mail of a message: plain text, HTML and the picture, with the headers that mail programs sort by.

use std::time::{Duration, SystemTime};

use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Attachment, Mailbox, Message, MultiPart, SinglePart};
use linewatch_core::time::WallTime;
use linewatch_render::message::{self, Picture};

use crate::notify::carrier::Parcel;

/// The mail as it goes over the wire.
///
/// # Errors
///
/// What the library cannot make a mail of, in its words.
pub(super) fn compose(parcel: &Parcel<'_>, from: &Mailbox, to: &[Mailbox]) -> Result<Vec<u8>, String> {
    let Parcel { head, matter, .. } = parcel;
    let picture = parcel.picture.as_ref().map(|(_, name)| Picture {
        source: "cid:graph@linewatch".to_owned(),
        alt: message::picture_alt(head, name),
    });
    let text = SinglePart::plain(message::text(head, matter));
    let html = SinglePart::html(message::html(head, matter, picture.as_ref()));
    let rich = match &parcel.picture {
        None => MultiPart::alternative().singlepart(text).singlepart(html),
        Some((png, name)) => {
            let kind = ContentType::parse("image/png").map_err(|error| error.to_string())?;
            let graph = Attachment::new_inline_with_name("graph@linewatch".to_owned(), file_name(name))
                .body(png.clone(), kind);
            MultiPart::alternative()
                .singlepart(text)
                .multipart(MultiPart::related().singlepart(html).singlepart(graph))
        }
    };
    let mut mail = Message::builder()
        .from(from.clone())
        .date(system_time(parcel.at))
        .message_id(Some(format!("<{}>", parcel.message_id)))
        .subject(message::subject(head, matter))
        // RFC 3834 section 5: no holiday notice comes back.
        .raw_header(HeaderValue::new(
            HeaderName::new_from_ascii_str("Auto-Submitted"),
            "auto-generated".to_owned(),
        ));
    for mailbox in to {
        mail = mail.to(mailbox.clone());
    }
    let whole = if parcel.pages.is_empty() {
        rich
    } else {
        let kind = ContentType::TEXT_HTML;
        let pages = parcel.pages.iter().map(|page| {
            // The library chooses the encoding that makes it shortest.
            Attachment::new(page.file_name.clone()).body(page.html.clone(), kind.clone())
        });
        pages.fold(MultiPart::mixed().multipart(rich), MultiPart::singlepart)
    };
    mail.multipart(whole)
        .map(|mail| mail.formatted())
        .map_err(|error| error.to_string())
}

/// Letters and digits only: the name of a file on somebody else's computer.
fn file_name(name: &str) -> String {
    let plain: String = name
        .chars()
        .map(|letter| {
            if letter.is_ascii_alphanumeric() {
                letter
            } else {
                '-'
            }
        })
        .take(40)
        .collect();
    format!("{}-24h.png", plain.trim_matches('-'))
}

fn system_time(at: WallTime) -> SystemTime {
    // A clock before 1970 is a clock that nobody has set.
    let since = Duration::from_nanos(u64::try_from(at.as_nanos()).unwrap_or(0));
    SystemTime::UNIX_EPOCH + since
}
