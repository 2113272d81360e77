//! The built program as a process.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread::JoinHandle;

use vigie::clock::Stopwatch;

use super::PATIENCE;

/// The program with its arguments; it sees no setting of whoever runs the tests.
pub(crate) fn vigie<A: AsRef<OsStr>>(args: impl IntoIterator<Item = A>) -> Program {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vigie"));
    command.args(args).current_dir(env!("CARGO_TARGET_TMPDIR")).stdin(Stdio::null());
    for name in ["VIGIE_CONFIG", "VIGIE_DATA", "VIGIE_PSEUDONYM_KEY", "VIGIE_LOG"] {
        command.env_remove(name);
    }
    // Tests run beside one another; those that want a console ask for a port of their own.
    command.env("VIGIE_LISTEN", "none");
    Program { command }
}

/// A program that has not been started.
pub(crate) struct Program {
    command: Command,
}

/// What came of a program.
#[derive(Debug)]
pub(crate) struct Finished {
    /// Exit code; `None` after a signal.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Finished {
    /// Its standard output, when it went well.
    pub(crate) fn ok(self) -> String {
        assert_eq!(self.code, Some(0), "stderr: {}", self.stderr);
        self.stdout
    }

    /// Its standard error, when it ended with this code.
    pub(crate) fn failed(self, code: i32) -> String {
        assert_eq!(self.code, Some(code), "stdout: {}\nstderr: {}", self.stdout, self.stderr);
        self.stderr
    }
}

impl Program {
    pub(crate) fn args<A: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = A>) -> Program {
        self.command.args(args);
        self
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Program {
        self.command.env(name, value);
        self
    }

    pub(crate) fn dir(mut self, dir: &Path) -> Program {
        self.command.current_dir(dir);
        self
    }

    /// What a test starts in its own way.
    pub(crate) fn into_command(self) -> Command {
        self.command
    }

    /// Runs it to its end.
    pub(crate) fn run(self) -> Finished {
        self.start().finish()
    }

    /// Runs it to its end with this on standard input.
    pub(crate) fn fed(mut self, input: &[u8]) -> Finished {
        self.command.stdin(Stdio::piped());
        let mut running = self.start();
        let mut stdin = running.child.stdin.take().unwrap();
        let input = input.to_vec();
        // A program that does not read on has its reasons; the test looks at its exit code.
        let feeder = std::thread::spawn(move || stdin.write_all(&input));
        let finished = running.finish();
        let _ = feeder.join().unwrap();
        finished
    }

    /// Starts it with an open standard input.
    pub(crate) fn start_fed(mut self) -> (Running, ChildStdin) {
        self.command.stdin(Stdio::piped());
        let mut running = self.start();
        let stdin = running.child.stdin.take().unwrap();
        (running, stdin)
    }

    /// Starts it. Its standard output is a pipe: when nobody reads it, the program soon stands
    /// still, which is how a test stops it in the middle.
    pub(crate) fn start(mut self) -> Running {
        self.command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = self.command.spawn().unwrap();
        let mut stderr = child.stderr.take().unwrap();
        let errors = std::thread::spawn(move || {
            let mut bytes = Vec::new();
            stderr.read_to_end(&mut bytes).unwrap();
            String::from_utf8(bytes).unwrap()
        });
        let stdout = BufReader::new(child.stdout.take().unwrap());
        Running { child, stdout: Some(stdout), errors: Some(errors), read: String::new() }
    }
}

/// A program that runs; it is killed when the test gives it up.
pub(crate) struct Running {
    child: Child,
    stdout: Option<BufReader<ChildStdout>>,
    errors: Option<JoinHandle<String>>,
    read: String,
}

impl Running {
    /// Reads whole lines of its standard output until there are so many more, or it ends.
    pub(crate) fn read_lines(&mut self, count: usize) {
        let stdout = self.stdout.take().unwrap();
        let reader = std::thread::spawn(move || {
            let (mut stdout, mut read) = (stdout, String::new());
            for _ in 0..count {
                if stdout.read_line(&mut read).unwrap() == 0 {
                    break;
                }
            }
            (stdout, read)
        });
        let since = Stopwatch::start();
        while !reader.is_finished() {
            if since.elapsed() > PATIENCE {
                self.kill();
                panic!("waited {PATIENCE:?} for {count} lines; so far: {}", self.read);
            }
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
        let (stdout, read) = reader.join().unwrap();
        self.stdout = Some(stdout);
        self.read.push_str(&read);
    }

    /// Lines read so far.
    pub(crate) fn so_far(&self) -> &str {
        &self.read
    }

    /// Whether it has not ended.
    pub(crate) fn runs(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// SIGTERM: it may put its things in order.
    pub(crate) fn terminate(&self) {
        self.signal("-TERM");
    }

    /// SIGSTOP: it stands still, holding what it holds.
    pub(crate) fn freeze(&self) {
        self.signal("-STOP");
    }

    fn signal(&self, signal: &str) {
        let pid = self.child.id().to_string();
        // Not reaped yet, so the number is still its own, ended or not.
        let sent = Command::new("kill").args([signal, &pid]).status().unwrap();
        assert!(sent.success());
    }

    /// SIGKILL: it may not.
    pub(crate) fn kill(&mut self) {
        // It may have ended by itself a moment ago.
        let _ = self.child.kill();
    }

    /// Waits for its end and takes all it said. A line torn by a kill is not one.
    pub(crate) fn finish(mut self) -> Finished {
        let mut stdout = self.stdout.take().unwrap();
        let rest = std::thread::spawn(move || {
            let mut bytes = Vec::new();
            stdout.read_to_end(&mut bytes).unwrap();
            bytes
        });
        let since = Stopwatch::start();
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            if since.elapsed() > PATIENCE {
                self.kill();
                let errors = self.errors.take().unwrap().join().unwrap();
                panic!("still running after {PATIENCE:?}; stderr: {errors}");
            }
            std::thread::sleep(std::time::Duration::from_millis(2));
        };
        let rest = rest.join().unwrap();
        let whole = rest.iter().rposition(|b| *b == b'\n').map_or(0, |end| end + 1);
        self.read.push_str(std::str::from_utf8(&rest[..whole]).unwrap());
        Finished {
            code: status.code(),
            stdout: std::mem::take(&mut self.read),
            stderr: self.errors.take().unwrap().join().unwrap(),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
        let _ = self.child.wait();
    }
}
