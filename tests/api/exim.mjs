// Debian's Exim as a peer: run as an ordinary user on a port of 127.0.0.1 with a configuration and a spool of its own, delivering into
// a Maildir. scripts/setup unpacks its package into build/peers and does not install it, so the machine's own mail stays as it is.
// Recipients in example.com exist, but for `gone…`; those named in the file `grey` are told to come back later.
import { execFileSync, spawn } from "node:child_process";
import { chmodSync, chownSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { root, until } from "./service.mjs";

const NOBODY = 65534; // Exim delivers nothing as root
const unpacked = path.join(root, "build/peers/exim4-daemon-light/usr/sbin/exim4");
const wrapper = "libnss_wrapper.so"; // gives the user that Debian's Exim wants to find

const configuration = ({ folder, port, tls, user, password, utf8, uid, gid }) => `
primary_hostname = mail.example.com
spool_directory = ${folder}/spool
log_file_path = ${folder}/log/%s
pid_file_path = ${folder}/exim.pid
exim_path = ${folder}/exim
local_interfaces = 127.0.0.1
daemon_smtp_ports = ${port}
keep_environment = LD_PRELOAD : NSS_WRAPPER_PASSWD : NSS_WRAPPER_GROUP
log_selector = +smtp_connection +tls_peerdn +smtp_protocol_error +smtp_syntax_error
host_lookup =
rfc1413_query_timeout = 0s
smtp_accept_max = 50
message_size_limit = 10M
smtputf8_advertise_hosts = ${utf8 ? "*" : ""}
auth_advertise_hosts = *
tls_advertise_hosts = ${tls ? "*" : ""}
${tls ? `tls_certificate = ${tls.certificate}\ntls_privatekey = ${tls.key}` : ""}
acl_smtp_rcpt = recipients
acl_smtp_data = texts

begin acl
recipients:
${user ? "  deny !authenticated = *\n    message = log in first" : ""}
  deny local_parts = ^gone
    message = no such mailbox
  defer local_parts = lsearch;${folder}/grey
    message = greylisted, come back later
  deny !domains = example.com : xn--qxam.example.com
    message = 5.7.1 relaying denied
  accept

texts:
  accept

begin routers
mailbox:
  driver = accept
  transport = maildir

begin transports
maildir:
  driver = appendfile
  directory = ${folder}/mail
  maildir_format
  create_directory
  envelope_to_add
  return_path_add
  user = ${uid}
  group = ${gid}

begin authenticators
${user ? `plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = \${if and{{eq{$auth2}{${user}}}{eq{$auth3}{${password}}}}}
  server_set_id = $auth2` : ""}
`;

export class Exim {
  // tls: { certificate, key }, files; user and password: a log-in is wanted; utf8: SMTPUTF8 is offered.
  constructor(port, { tls = null, user = null, password = null, utf8 = true } = {}) {
    this.options = { tls, user, password, utf8 };
    this.port = port;
    this.folder = mkdtempSync(path.join(tmpdir(), "proxenos-exim-"));
    this.uid = process.getuid() === 0 ? NOBODY : process.getuid();
    this.gid = process.getuid() === 0 ? NOBODY : process.getgid();
  }

  file(name, text) {
    const file = path.join(this.folder, name);
    writeFileSync(file, text);
    chownSync(file, this.uid, this.gid);
    return file;
  }

  prepare() {
    if (!existsSync(unpacked)) throw new Error(`${unpacked} is missing: run scripts/setup test`);
    const { tls } = this.options;
    copyFileSync(unpacked, path.join(this.folder, "exim"));
    chmodSync(path.join(this.folder, "exim"), 0o755);
    chownSync(this.folder, this.uid, this.gid);
    for (const name of ["spool", "log"]) {
      mkdirSync(path.join(this.folder, name), { recursive: true });
      chownSync(path.join(this.folder, name), this.uid, this.gid);
    }
    this.grey([]);
    const own = tls && { certificate: this.file("tls.pem", readFileSync(tls.certificate)), key: this.file("tls.key", readFileSync(tls.key)) };
    this.passwd = this.file("passwd", `Debian-exim:x:${this.uid}:${this.gid}::/:/bin/false\nroot:x:0:0::/:/bin/false\n`);
    this.group = this.file("group", `Debian-exim:x:${this.gid}:\nroot:x:0:\n`);
    const text = configuration({ ...this.options, tls: own, folder: this.folder, port: this.port, uid: this.uid, gid: this.gid });
    this.config = this.file("exim.conf", text);
  }

  async start() {
    this.prepare();
    this.said = "";
    this.process = spawn(path.join(this.folder, "exim"), ["-C", this.config, "-bdf"], {
      uid: this.uid,
      gid: this.gid,
      cwd: this.folder,
      env: { LD_PRELOAD: wrapper, NSS_WRAPPER_PASSWD: this.passwd, NSS_WRAPPER_GROUP: this.group, PATH: "/usr/bin:/bin" },
      stdio: ["ignore", "pipe", "pipe"],
      detached: true, // a group of its own: the processes that serve a connection outlive the one that listens
    });
    this.process.stdout.on("data", (bytes) => (this.said += bytes));
    this.process.stderr.on("data", (bytes) => (this.said += bytes));
    this.ended = new Promise((resolve) => this.process.once("exit", resolve));
    await until(() => this.answers(), 20000);
    return this;
  }

  async answers() {
    if (this.process.exitCode !== null) throw new Error(`Exim ended: ${this.said}\n${this.log("main")}`);
    return new Promise((resolve) => {
      const socket = net.connect(this.port, "127.0.0.1");
      socket.once("data", () => (socket.destroy(), resolve(true)));
      socket.once("error", () => resolve(false));
      socket.once("close", () => resolve(false));
    });
  }

  // main: what it took; reject: what it refused.
  log(name) {
    const file = path.join(this.folder, "log", name);
    return existsSync(file) ? readFileSync(file, "utf8") : "";
  }

  grey(names) {
    this.file("grey", names.map((name) => `${name}:\n`).join(""));
  }

  mails() {
    if (!existsSync(path.join(this.folder, "mail"))) return [];
    // Debian's own Python, as in smtp.py.
    const out = execFileSync("/usr/bin/python3", [path.join(root, "tests/api/maildir.py"), path.join(this.folder, "mail")], { encoding: "utf8" });
    return out.split("\n").filter((line) => line).map((line) => JSON.parse(line));
  }

  to(address) {
    return this.mails().filter((mail) => mail.to === address);
  }

  async stop() {
    process.kill(-this.process.pid, "SIGKILL");
    await this.ended;
  }

  async remove() {
    if (this.process && this.process.exitCode === null && this.process.signalCode === null) await this.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
