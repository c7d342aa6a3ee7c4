//! Asks for YES, upper case, as the original does. §procedure-4.

use super::interruption::Interruption;
use crate::report::console::Console;
use crate::report::events::Event;
use std::io::IsTerminal;

/// Asks, and says why not when the answer is another one, or nobody can be asked.
///
/// # Errors
/// Why there is no consent.
pub(super) async fn ask(
    question: &str,
    console: &Console,
    interruption: &Interruption,
) -> Result<(), &'static str> {
    if !std::io::stdin().is_terminal() {
        return Err("nobody can be asked (no terminal), and --yes was not given");
    }
    console.ask(question);
    let answer = tokio::task::spawn_blocking(|| {
        let mut line = String::new();
        std::io::stdin().read_line(&mut line).map(|_| line)
    });
    let answer = tokio::select! {
        answer = answer => answer.ok().and_then(Result::ok).unwrap_or_default(),
        () = interruption.wait() => {
            console.ends_question();
            return Err("interrupted");
        }
    };
    if !answer.ends_with('\n') {
        console.ends_question();
    }
    let agreed = answer.trim_end_matches(['\r', '\n']) == "YES";
    console.tell(Event::Answer { agreed });
    if agreed { Ok(()) } else { Err("the answer was not YES") }
}
