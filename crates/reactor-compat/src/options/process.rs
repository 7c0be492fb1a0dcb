//! [`ProcessCommand`]: a program, its arguments, and how it is run.
//!
//! Mirrors the arguments of `IReactorProcess.spawnProcess`. Tested in
//! `tests/processes/`.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// How much output is kept unless told otherwise.
const MAX_OUTPUT: usize = 16 * 1024 * 1024;

/// The time between TERM and KILL unless told otherwise.
const GRACE: Duration = Duration::from_secs(5);

/// What a descriptor of a child is.
///
/// ```
/// use reactor_compat::process::{ChildFd, ProcessCommand};
///
/// // As `2>/dev/null`, and a fourth descriptor for it to write to.
/// let command = ProcessCommand::new("worker").fd(2, ChildFd::Null).fd(3, ChildFd::Read);
/// assert_eq!(command.program(), "worker");
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ChildFd {
    /// A pipe that we write to: Twisted's `"w"`.
    Write,
    /// A pipe that we read from: Twisted's `"r"`.
    Read,
    /// Our own standard descriptor of that number, which has to be 0, 1 or 2.
    Inherit,
    /// The null device.
    Null,
    /// This descriptor.
    Given(Arc<OwnedFd>),
}

/// A program, its arguments, and how it is run.
///
/// As in Twisted its environment is empty unless variables are given to it; then
/// a program without a slash in its name is looked for where the system looks
/// when there is no `PATH`, such as `/bin` and `/usr/bin`. Its standard input is a pipe
/// that we write to, its standard output and error are pipes that we read from; it
/// inherits no other descriptor. A variable that says which sockets we were started with
/// (`LISTEN_FDS` and its kin) is not inherited.
///
/// ```
/// use reactor_compat::process::ProcessCommand;
///
/// let command = ProcessCommand::new("/bin/sh").args(["-c", "exit 3"]).env("LANG", "C");
/// assert_eq!(command.program(), "/bin/sh");
/// ```
#[derive(Clone, Debug)]
pub struct ProcessCommand {
    program: OsString,
    args: Vec<OsString>,
    env: Vec<(OsString, OsString)>,
    inherit_env: bool,
    directory: Option<PathBuf>,
    own_group: bool,
    uid: Option<u32>,
    gid: Option<u32>,
    fds: BTreeMap<u32, ChildFd>,
    max_output: usize,
    grace: Duration,
    pipe_grace: Option<Duration>,
    stdin: Vec<u8>,
}

impl ProcessCommand {
    /// A program without arguments. Arguments do not begin with its name.
    ///
    /// See the [type's example](Self).
    pub fn new(program: impl Into<OsString>) -> Self {
        let fds = [(0, ChildFd::Write), (1, ChildFd::Read), (2, ChildFd::Read)];
        Self {
            program: program.into(),
            args: Vec::new(),
            env: Vec::new(),
            inherit_env: false,
            directory: None,
            own_group: false,
            uid: None,
            gid: None,
            fds: fds.into(),
            max_output: MAX_OUTPUT,
            grace: GRACE,
            pipe_grace: None,
            stdin: Vec::new(),
        }
    }

    /// Adds arguments.
    ///
    /// See the [type's example](Self).
    #[must_use]
    pub fn args(mut self, args: impl IntoIterator<Item = impl Into<OsString>>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Sets a variable of its environment.
    ///
    /// See the [type's example](Self).
    #[must_use]
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.env.push((name.into(), value.into()));
        self
    }

    /// Gives it our environment, too: Twisted's `env=None`.
    ///
    /// ```
    /// use reactor_compat::process::ProcessCommand;
    ///
    /// assert!(ProcessCommand::new("env").inherit_env().inherits_env());
    /// ```
    #[must_use]
    pub fn inherit_env(mut self) -> Self {
        self.inherit_env = true;
        self
    }

    /// The directory that it is run in: Twisted's `path`.
    ///
    /// ```
    /// use reactor_compat::process::ProcessCommand;
    ///
    /// let command = ProcessCommand::new("pwd").directory("/");
    /// assert_eq!(command.get_directory(), Some("/".as_ref()));
    /// ```
    #[must_use]
    pub fn directory(mut self, directory: impl Into<PathBuf>) -> Self {
        self.directory = Some(directory.into());
        self
    }

    /// Puts it into a process group of its own, all of which is signalled when it is. A
    /// terminal's Ctrl-C does not reach it then.
    ///
    /// ```
    /// use reactor_compat::process::ProcessCommand;
    ///
    /// assert!(ProcessCommand::new("sh").own_group().has_own_group());
    /// ```
    #[must_use]
    pub fn own_group(mut self) -> Self {
        self.own_group = true;
        self
    }

    /// The user that runs it, by number; that takes rights.
    ///
    /// ```
    /// use reactor_compat::process::ProcessCommand;
    ///
    /// let command = ProcessCommand::new("id").uid(1000).gid(1000);
    /// assert_eq!((command.get_uid(), command.get_gid()), (Some(1000), Some(1000)));
    /// ```
    #[must_use]
    pub fn uid(mut self, user: u32) -> Self {
        self.uid = Some(user);
        self
    }

    /// The group that runs it, by number; that takes rights.
    ///
    /// See the example of [`uid`](Self::uid).
    #[must_use]
    pub fn gid(mut self, group: u32) -> Self {
        self.gid = Some(group);
        self
    }

    /// Sets what its descriptor of that number is: Twisted's `childFDs`.
    ///
    /// See the example of [`ChildFd`].
    #[must_use]
    #[doc(alias = "childFDs")]
    pub fn fd(mut self, number: u32, fd: ChildFd) -> Self {
        self.fds.insert(number, fd);
        self
    }

    /// The most bytes of output that are kept, of each of its pipes: 16 MiB
    /// unless set. One that writes more is killed. For
    /// [`get_process_output`](crate::process::get_process_output()) and its kin.
    ///
    /// ```
    /// use reactor_compat::process::ProcessCommand;
    ///
    /// let command = ProcessCommand::new("yes").max_output(1024);
    /// assert_eq!(command.program(), "yes");
    /// ```
    #[must_use]
    pub fn max_output(mut self, bytes: usize) -> Self {
        self.max_output = bytes;
        self
    }

    /// The time between TERM and KILL when it is to be ended: 5 seconds unless
    /// set.
    ///
    /// ```
    /// use reactor_compat::process::ProcessCommand;
    /// use std::time::Duration;
    ///
    /// let command = ProcessCommand::new("cat").grace(Duration::from_secs(1));
    /// assert_eq!(command.program(), "cat");
    /// ```
    #[must_use]
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// How long pipes may stay open that others hold, such as children of its own, when it
    /// has exited; after that they are closed. For ever unless set, as in Twisted.
    ///
    /// ```
    /// use reactor_compat::process::ProcessCommand;
    /// use std::time::Duration;
    ///
    /// let command = ProcessCommand::new("daemon").pipe_grace(Duration::from_secs(1));
    /// assert_eq!(command.program(), "daemon");
    /// ```
    #[must_use]
    pub fn pipe_grace(mut self, grace: Duration) -> Self {
        self.pipe_grace = Some(grace);
        self
    }

    /// The bytes that its standard input gives before it ends. For
    /// [`get_process_output`](crate::process::get_process_output()) and its kin.
    ///
    /// ```
    /// use reactor_compat::process::ProcessCommand;
    ///
    /// let command = ProcessCommand::new("wc").stdin("one two");
    /// assert_eq!(command.program(), "wc");
    /// ```
    #[must_use]
    #[doc(alias = "stdinBytes")]
    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = bytes.into();
        self
    }

    /// The program.
    ///
    /// See the [type's example](Self).
    pub fn program(&self) -> &OsStr {
        &self.program
    }

    /// The arguments, without the program's name.
    ///
    /// ```
    /// use reactor_compat::process::ProcessCommand;
    ///
    /// assert_eq!(ProcessCommand::new("echo").args(["hello"]).get_args(), ["hello"]);
    /// ```
    pub fn get_args(&self) -> &[OsString] {
        &self.args
    }

    /// The variables that it is given, of which the last of a name counts.
    ///
    /// ```
    /// use reactor_compat::process::ProcessCommand;
    ///
    /// let command = ProcessCommand::new("env").env("A", "b");
    /// assert_eq!(command.get_env(), [("A".into(), "b".into())]);
    /// ```
    pub fn get_env(&self) -> &[(OsString, OsString)] {
        &self.env
    }

    /// Whether it has our environment, too.
    ///
    /// See the example of [`inherit_env`](Self::inherit_env).
    pub fn inherits_env(&self) -> bool {
        self.inherit_env
    }

    /// The directory that it is run in, if it is said.
    ///
    /// See the example of [`directory`](Self::directory).
    pub fn get_directory(&self) -> Option<&Path> {
        self.directory.as_deref()
    }

    /// Whether it has a process group of its own.
    ///
    /// See the example of [`own_group`](Self::own_group).
    pub fn has_own_group(&self) -> bool {
        self.own_group
    }

    /// The user that runs it, if that is said.
    ///
    /// See the example of [`uid`](Self::uid).
    pub fn get_uid(&self) -> Option<u32> {
        self.uid
    }

    /// The group that runs it, if that is said.
    ///
    /// See the example of [`uid`](Self::uid).
    pub fn get_gid(&self) -> Option<u32> {
        self.gid
    }

    /// Its descriptors, by number.
    ///
    /// ```
    /// use reactor_compat::process::ProcessCommand;
    ///
    /// assert_eq!(ProcessCommand::new("cat").fds().map(|(number, _)| number).max(), Some(2));
    /// ```
    pub fn fds(&self) -> impl Iterator<Item = (u32, &ChildFd)> {
        self.fds.iter().map(|(number, fd)| (*number, fd))
    }

    pub(crate) fn get_max_output(&self) -> usize {
        self.max_output
    }

    pub(crate) fn get_grace(&self) -> Duration {
        self.grace
    }

    pub(crate) fn get_pipe_grace(&self) -> Option<Duration> {
        self.pipe_grace
    }

    pub(crate) fn get_stdin(&self) -> &[u8] {
        &self.stdin
    }
}
