//! The help, the manual pages and the completions: §help.

use crate::on_terminal::Terminal;
use crate::replica::{PROGRAM, Replica, shown};
use chameleon_harness::process::tools;
use chameleon_upgrade::cli::Cli;
use chameleon_upgrade::help;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

/// The program on the PATH, as it will be found once it is installed.
fn with_program_on_path(command: &mut Command) -> &mut Command {
    let folder = Path::new(PROGRAM).parent().unwrap().to_str().unwrap();
    let path = std::env::var("PATH").unwrap();
    command.env("PATH", format!("{folder}:{path}")).env("LC_ALL", "C.UTF-8")
}

fn run(arguments: &[&str]) -> Output {
    Command::new(PROGRAM).args(arguments).output().unwrap()
}

/// The words of a command line, as a shell makes them: what it writes elsewhere is left out.
fn words(line: &str) -> Vec<String> {
    let line = line.strip_prefix("source <(").and_then(|line| line.strip_suffix(')')).unwrap_or(line);
    let line = [" | ", " > "].iter().fold(line, |line, end| line.split(end).next().unwrap_or(line));
    let script = format!("set -- {line}; for word; do printf '%s\\n' \"$word\"; done");
    let output = Command::new("sh").args(["-c", &script]).output().unwrap();
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn every_example_is_understood() {
    let program = Cli::described();
    for help in help::ALL {
        for example in help.examples {
            let words = words(example.line);
            assert_eq!(words.first().map(String::as_str), Some("chameleon-upgrade"), "{}", example.line);
            if !help.command.is_empty() {
                assert_eq!(words.get(1).map(String::as_str), Some(help.command), "{}", example.line);
            }
            let parsed = program.clone().try_get_matches_from(&words);
            parsed.unwrap_or_else(|error| panic!("{}: {words:?}: {error}", example.line));
        }
    }
}

#[test]
fn the_help_fits_80_columns_and_tells_the_exit_codes() {
    let replica = Replica::empty(&[]);
    for help in help::ALL {
        let arguments: Vec<_> =
            [help.command, "--help"].into_iter().filter(|word| !word.is_empty()).collect();
        let terminal = Terminal::of_width(80, &replica, &arguments, &[("NO_COLOR", "1")]);
        let (code, shown) = terminal.end();
        assert_eq!(code, Some(0), "{shown}");
        for line in shown.lines() {
            let line = line.trim_end_matches('\r');
            assert!(line.chars().count() <= 80, "{}: {} columns: {line}", help.command, line.chars().count());
        }
        for (code, meaning) in help.exit_codes {
            assert!(shown.contains(&format!("  {code}  {meaning}")), "{}: {code}\n{shown}", help.command);
        }
        assert!(shown.contains("Examples:"), "{shown}");
    }
}

#[test]
fn manual_pages_are_read_without_a_warning() {
    let folder = tempfile::tempdir().unwrap();
    let pages = folder.path().join("man1");
    let output = run(&["man", "--output", pages.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{}", shown(&output));
    let mut files: Vec<_> = std::fs::read_dir(&pages).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert_eq!(files.len(), help::ALL.len());
    let one = run(&["man", "check"]);
    assert_eq!(one.stdout, std::fs::read(pages.join("chameleon-upgrade-check.1")).unwrap());
    assert!(one.stderr.is_empty(), "{}", shown(&one));
    let unknown = run(&["man", "chekc"]);
    assert_eq!(unknown.status.code(), Some(2), "{}", shown(&unknown));
    assert!(shown(&unknown).contains("There are: upgrade, check"), "{}", shown(&unknown));
    let taken = run(&["man", "--output", "/dev/null"]);
    assert_eq!(taken.status.code(), Some(2), "{}", shown(&taken));
    let Some(man) = tools::or_skip("manual_pages_are_read_without_a_warning", tools::program("man")) else {
        return;
    };
    for file in files {
        let output = Command::new(&man)
            .args(["--warnings", "-E", "UTF-8", "-l"])
            .arg(&file)
            .env("MANWIDTH", "80")
            .env("LC_ALL", "C.UTF-8")
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(
            output.stderr.is_empty() && output.status.success(),
            "{}: {}",
            file.display(),
            shown(&output)
        );
        for section in ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXIT STATUS", "EXAMPLES"] {
            assert!(text.lines().any(|line| line.trim() == section), "{}: {section}\n{text}", file.display());
        }
    }
}

/// What the shell offers behind `line`.
fn completed(shell: &str, line: &str) -> Option<String> {
    let program = tools::or_skip(&format!("completions are tried in {shell}"), tools::program(shell))?;
    let home = tempfile::tempdir().unwrap();
    let mut command = Command::new(&program);
    match shell {
        "bash" => {
            let script = "source <(chameleon-upgrade completions bash)
                read -ra COMP_WORDS <<<\"$1\"; [[ $1 == *' ' ]] && COMP_WORDS+=('')
                COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); COMP_LINE=$1; COMP_POINT=${#1}
                function=$(complete -p chameleon-upgrade | sed -E 's/.*-F ([^ ]+).*/\\1/')
                \"$function\" chameleon-upgrade \"${COMP_WORDS[COMP_CWORD]}\" \"${COMP_WORDS[COMP_CWORD - 1]}\"
                printf '%s\\n' \"${COMPREPLY[@]}\"";
            command.args(["--norc", "-c", script, "bash", line])
        }
        "fish" => {
            let script = "chameleon-upgrade completions fish | source; complete -C \"$argv[1]\"";
            command.args(["--no-config", "-c", script, line])
        }
        _ => return Some(on_a_terminal_of_zsh(&program, home.path(), line)),
    };
    let output = with_program_on_path(command.env("HOME", home.path())).output().unwrap();
    Some(shown(&output))
}

/// zsh completes on a terminal only: two tabs behind the line.
fn on_a_terminal_of_zsh(zsh: &Path, home: &Path, line: &str) -> String {
    std::fs::write(home.join("_chameleon-upgrade"), run(&["completions", "zsh"]).stdout).unwrap();
    let (mut pty, pts) = pty_process::blocking::open().unwrap();
    pty.resize(pty_process::Size::new(40, 200)).unwrap();
    let mut child = pty_process::blocking::Command::new(zsh)
        .args(["-f", "-i"])
        .env("HOME", home)
        .env("TERM", "dumb")
        .env("LC_ALL", "C.UTF-8")
        .current_dir(home)
        .spawn(pts)
        .unwrap();
    let mut reader = std::fs::File::from(std::os::fd::AsFd::as_fd(&pty).try_clone_to_owned().unwrap());
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(count @ 1..) = reader.read(&mut buffer) {
            if tell.send(String::from_utf8_lossy(&buffer[..count]).into_owned()).is_err() {
                break;
            }
        }
    });
    let until = |end: Option<&str>, quiet: u64| {
        let mut text = String::new();
        while end.is_none_or(|end| !text.contains(end)) {
            match told.recv_timeout(Duration::from_secs(quiet)) {
                Ok(more) => text += &more,
                Err(_) => break,
            }
        }
        text
    };
    let folder = home.display();
    let begin =
        format!("PS1= RPS1=; fpath=({folder} $fpath); autoload -U compinit; compinit -u -D; echo re''ady\n");
    pty.write_all(begin.as_bytes()).unwrap();
    let began = until(Some("ready\r\n"), 60);
    assert!(began.contains("ready\r\n"), "{began}");
    pty.write_all(format!("{line}\t\t").as_bytes()).unwrap();
    let shown = until(None, 3);
    child.kill().unwrap();
    child.wait().unwrap();
    shown
}

/// A bug of clap_complete's is why: with a name such as this program's it completed nothing behind a command.
#[test]
fn each_shell_completes_commands_options_and_values() {
    for shell in ["bash", "zsh", "fish"] {
        for (line, offered, not_offered) in [
            ("chameleon-upgrade conv", &["convert-config"][..], "rollback"),
            ("chameleon-upgrade upgrade --re", &["--report", "--replay"], "--sql"),
            ("chameleon-upgrade cleanup --schema ", &["version1", "version2"], "--drop"),
            ("chameleon-upgrade check --format ", &["text", "json"], "--list"),
        ] {
            let Some(shown) = completed(shell, line) else { break };
            // What is typed already may not be shown again.
            let typed = line.rsplit(' ').next().unwrap_or_default();
            for word in offered {
                let rest = word.strip_prefix(typed).unwrap_or(word);
                assert!(shown.contains(word) || shown.contains(rest), "{shell}: {line}: {word}\n{shown}");
            }
            assert!(!shown.contains(not_offered), "{shell}: {line}: {not_offered}\n{shown}");
        }
    }
}

#[test]
fn nothing_but_the_script_is_written() {
    for shell in ["bash", "zsh", "fish", "elvish"] {
        let output = run(&["completions", shell]);
        assert_eq!(output.status.code(), Some(0), "{}", shown(&output));
        assert!(output.stderr.is_empty() && output.stdout.len() > 1000, "{shell}: {}", shown(&output));
    }
    assert_eq!(run(&["completions", "csh"]).status.code(), Some(2));
    let script = format!("'{PROGRAM}' completions bash >/dev/full");
    let full = Command::new("sh").args(["-c", &script]).output().unwrap();
    assert_eq!(full.status.code(), Some(1), "{}", shown(&full));
    let script = format!("{{ '{PROGRAM}' completions bash; echo code $? >&2; }} | head -c 1");
    let gone = Command::new("sh").args(["-c", &script]).output().unwrap();
    assert!(shown(&gone).contains("code 0"), "{}", shown(&gone));
}
