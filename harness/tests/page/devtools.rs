//! A browser without a window, driven through its DevTools protocol: messages of JSON, each ended by a zero byte, on the
//! descriptors 3 and 4 (`--remote-debugging-pipe`).

use chameleon_harness::process::tools::{self, Missing};
use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;
use tempfile::TempDir;

/// A browser with one page.
pub struct Browser {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    session: Option<String>,
    sent: u64,
    events: Vec<Value>,
    profile: TempDir,
}

impl Browser {
    /// Starts it; `None` where it is missing and may be.
    pub fn start(test: &str) -> Option<Self> {
        tools::or_skip(test, Self::find())
    }

    fn find() -> Result<Self, Missing> {
        let program = tools::chromium()?;
        let profile = tempfile::tempdir().unwrap();
        // Tests run as root, which it has no sandbox for; the pages are our own.
        let mut child = Command::new("sh")
            .args(["-c", "exec \"$0\" \"$@\" 3<&0 4>&1 0</dev/null 1>/dev/null 2>/dev/null"])
            .arg(program)
            .args([
                "--headless=new",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--no-first-run",
            ])
            .args(["--remote-debugging-pipe", "--disable-background-networking"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .env("HOME", profile.path())
            // Else it leaves a folder there each time.
            .env("TMPDIR", profile.path())
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (input, output) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        let mut browser = Self { child, input, output, session: None, sent: 0, events: vec![], profile };
        let page = browser.call("Target.createTarget", json!({"url": "about:blank"}));
        let attached =
            browser.call("Target.attachToTarget", json!({"targetId": page["targetId"], "flatten": true}));
        browser.session = Some(attached["sessionId"].as_str().unwrap().to_owned());
        for domain in ["Page", "Runtime", "Log"] {
            browser.call(&format!("{domain}.enable"), json!({}));
        }
        Ok(browser)
    }

    /// Where it has all its files.
    pub fn profile(&self) -> &Path {
        self.profile.path()
    }

    /// Has something done, and waits for its result.
    pub fn call(&mut self, method: &str, parameters: Value) -> Value {
        self.sent += 1;
        let mut message = json!({"id": self.sent, "method": method, "params": parameters});
        if let Some(session) = &self.session {
            message["sessionId"] = json!(session);
        }
        self.input.write_all(format!("{message}\0").as_bytes()).unwrap();
        loop {
            let message = self.next();
            if message["id"] == json!(self.sent) {
                assert!(message["error"].is_null(), "{method}: {message}");
                return message["result"].clone();
            }
            self.events.push(message);
        }
    }

    fn next(&mut self) -> Value {
        let mut message = Vec::new();
        self.output.read_until(0, &mut message).unwrap();
        assert!(message.pop().is_some(), "the browser has ended");
        let message: Value = serde_json::from_slice(&message).unwrap();
        // Nobody would answer.
        assert_ne!(message["method"], "Page.javascriptDialogOpening", "the page asks: {message}");
        message
    }

    /// Opens a file, and waits until it is loaded.
    pub fn open(&mut self, file: &Path) {
        self.events.clear();
        self.call("Page.navigate", json!({"url": format!("file://{}", file.display())}));
        while !self.events.iter().any(|event| event["method"] == "Page.loadEventFired") {
            let event = self.next();
            self.events.push(event);
        }
    }

    /// The value of an expression, or of what it promises.
    pub fn value(&mut self, expression: &str) -> Value {
        let parameters = json!({"expression": expression, "awaitPromise": true, "returnByValue": true});
        let result = self.call("Runtime.evaluate", parameters);
        assert!(result["exceptionDetails"].is_null(), "{expression}: {result}");
        result["result"]["value"].clone()
    }

    /// The same of a text.
    pub fn text(&mut self, expression: &str) -> String {
        self.value(expression).as_str().unwrap_or_else(|| panic!("{expression} is no text")).to_owned()
    }

    /// The same of a list of texts.
    pub fn texts(&mut self, expression: &str) -> Vec<String> {
        serde_json::from_value(self.value(expression)).unwrap()
    }

    /// The texts of all elements that a selector finds.
    pub fn texts_of(&mut self, selector: &str) -> Vec<String> {
        self.texts(&format!("[...document.querySelectorAll({selector:?})].map((it) => it.textContent)"))
    }

    /// Waits until the search can be used.
    pub fn search_is_ready(&mut self) {
        let ready = "new Promise((done) => { const look = () => document.documentElement.dataset.search === 'ready' \
                     ? done(true) : setTimeout(look, 1); look(); })";
        self.value(ready);
    }

    /// Shows the page in this colour scheme, so many pixels wide.
    pub fn shows(&mut self, scheme: &str, width: u32) {
        let features = json!([{"name": "prefers-color-scheme", "value": scheme}]);
        self.call("Emulation.setEmulatedMedia", json!({"features": features}));
        let size = json!({"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500});
        self.call("Emulation.setDeviceMetricsOverride", size);
    }

    /// What the browser has complained of since the page was opened: messages on its console, errors, refused loads.
    pub fn complaints(&mut self) -> Vec<String> {
        // What is on its way has then come.
        self.value("1");
        let complaints = ["Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded"];
        let is_one = |event: &&Value| complaints.iter().any(|it| event["method"] == *it);
        self.events.iter().filter(is_one).map(Value::to_string).collect()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // It has processes of its own, which would write into its profile while that is being removed.
        let group = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        let _gone_already = group.map(|group| kill_process_group(group, Signal::KILL));
        drop(self.child.wait());
        while group.is_some_and(|group| test_kill_process_group(group).is_ok()) {
            sleep(Duration::from_millis(5));
        }
    }
}
