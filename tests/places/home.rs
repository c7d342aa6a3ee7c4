//! §hunt-25: `~` is what Python takes for it.

use crate::arena::{PROGRAM, shown};
use std::process::Command;

#[test]
fn without_home_the_password_database_is_asked() {
    let user = rustix::process::getuid().as_raw().to_string();
    let accounts = std::fs::read_to_string("/etc/passwd").unwrap();
    let account = accounts.lines().map(|line| line.split(':').collect::<Vec<_>>()).find(|it| it[2] == user);
    let Some(account) = account else { return };
    let look = |home: Option<&str>| {
        let mut command = Command::new(PROGRAM);
        command.args(["status", "--config", "no_such_configuration"]).env_remove("HOME").current_dir("/");
        shown(&command.envs(home.map(|home| ("HOME", home))).output().unwrap())
    };
    for (home, folder) in [(None, account[5]), (Some(""), ""), (Some("/nowhere"), "/nowhere")] {
        let file = format!("{folder}/.pg_chameleon/configuration/no_such_configuration.yml does not exist");
        let shown = look(home).split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(shown.contains(&file), "{home:?}: {file:?} is not in:\n{shown}");
    }
}
