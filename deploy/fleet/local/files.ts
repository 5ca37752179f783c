import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { FleetError } from '../fleet.ts';
import { makeSecret } from '../secrets.ts';

const project = fileURLToPath(new URL('../../..', import.meta.url));

/** The folder of a local fleet, with what each server reads and writes. */
export interface LocalFiles {
  logs: string;
  redis: string;
  nginx: string;
  prometheus: string;
  /** Writes which replicas nginx and Prometheus use. Takes effect at once in Prometheus, in nginx on reload. */
  writeReplicas(replicas: { name: string; port: number; adminPort: number }[]): void;
  /** The secrets that sign cookies, comma-separated. Made at the first start and kept, so sessions outlive the fleet. */
  readSecret(): string;
  writeSecret(secrets: string): void;
}

/** Reserves the folder for one fleet. @returns a function that releases it @throws {FleetError} if another fleet uses it */
export function lockDir(folder: string): () => void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const lock = path.join(folder, 'lock');
  const own = `${process.pid} ${startOf(process.pid)}`;
  try {
    writeFileSync(lock, own, { flag: 'wx' });
  } catch (cause) {
    const [owner = '', start] = readFileSync(lock, 'utf8').split(/ (.*)/s);
    if (isRunning(Number(owner), start))
      throw new FleetError(`a fleet runs in ${folder} (pid ${owner})`, [], { cause });
    writeFileSync(lock, own); // its owner crashed
  }
  return () => rmSync(lock, { force: true });
}

/** @param start when it started; another process may have its id since */
function isRunning(pid: number, start: string | undefined): boolean {
  if (!(pid > 0)) return false; // its owner crashed before it had written that
  try {
    process.kill(pid, 0);
  } catch (err) {
    return (err as NodeJS.ErrnoException).code === 'EPERM' && startOf(pid) === start;
  }
  const now = startOf(pid);
  return now === '' || start === undefined || now === start;
}

/** When a process started, as `ps` writes it; empty if that is unknown. */
function startOf(pid: number): string {
  const env = { LC_ALL: 'C', PATH: '/usr/bin:/bin' }; // the same text, whoever asks
  const { stdout } = spawnSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8', env });
  return (stdout ?? '').trim();
}

/** Prepares the folder: nginx's configuration (the same rules for every driver) with this fleet's ports, and a certificate. @throws {FleetError} */
export function prepareFiles(folder: string, ports: Ports, env: NodeJS.ProcessEnv, tlsDir?: string): LocalFiles {
  const dir = path.resolve(folder);
  try {
    return writeFiles(dir, ports, env, tlsDir);
  } catch (cause) {
    if (cause instanceof FleetError) throw cause;
    throw new FleetError(`the folder ${dir} cannot be prepared: ${(cause as Error).message}`, [], { cause });
  }
}

type Ports = { http: number; https: number; prometheus?: PrometheusPorts };

/** Where nginx publishes Prometheus, and where that listens, over TLS. */
export interface PrometheusPorts {
  published: number;
  own: number;
}

function writeFiles(dir: string, ports: Ports, env: NodeJS.ProcessEnv, tlsDir: string | undefined): LocalFiles {
  const at = (name: string) => path.join(dir, name);
  const files = { logs: at('logs'), redis: at('redis'), nginx: at('nginx'), prometheus: at('prometheus') };
  mkdirSync(dir, { recursive: true });
  chmodSync(dir, 0o700); // it holds sessions, secrets and the socket for commands
  for (const folder of Object.values(files)) mkdirSync(folder, { recursive: true });
  const isTest = (file: string) => file.endsWith('.test.ts');
  cpSync(path.join(project, 'nginx'), files.nginx, { recursive: true, filter: (file) => !isTest(file) });
  cpSync(path.join(project, 'deploy/redis/redis.conf'), path.join(files.redis, 'redis.conf'));
  cpSync(path.join(project, 'deploy/prometheus/local.yml'), path.join(files.prometheus, 'prometheus.yml'));
  cpSync(path.join(project, 'deploy/prometheus/rules.yml'), path.join(files.prometheus, 'rules.yml'));
  const tls = tlsDir ? path.resolve(tlsDir) : makeCertificate(at('tls'));
  const listen = [
    `listen 127.0.0.1:${ports.http};`,
    `listen 127.0.0.1:${ports.https} ssl http2;`, // as nginx before 1.25.1 knows it, too
    // Of the link below: a path may have characters that nginx takes for its own.
    'ssl_certificate tls/tls.crt;',
    'ssl_certificate_key tls/tls.key;',
  ];
  for (const folder of [files.nginx, files.prometheus]) {
    rmSync(path.join(folder, 'tls'), { force: true });
    symlinkSync(tls, path.join(folder, 'tls'));
  }
  writeFileSync(path.join(files.nginx, 'driver/listen.conf'), `${listen.join('\n')}\n`);
  writeFileSync(path.join(files.nginx, 'driver/status.conf'), '# No status endpoint on a local fleet.\n');
  writeFileSync(path.join(files.nginx, 'driver/mode.conf'), modeOf(env, ports.https));
  if (ports.prometheus) {
    writeFileSync(path.join(files.prometheus, 'gate.conf'), gateOf(ports.prometheus));
    const keys = '{ cert_file: tls/tls.crt, key_file: tls/tls.key }';
    writeFileSync(path.join(files.prometheus, 'web.yml'), `tls_server_config: ${keys}\n`);
  }
  return {
    ...files,
    writeReplicas(replicas) {
      writeFileSync(path.join(files.nginx, 'driver/upstreams.conf'), upstreamsOf(replicas));
      const targets = replicas.map(({ name, adminPort }) => ({
        targets: [`127.0.0.1:${adminPort}`],
        labels: { replica: name },
      }));
      replaceFile(path.join(files.prometheus, 'targets.json'), JSON.stringify(targets));
    },
    readSecret() {
      const file = at('secret');
      if (!existsSync(file)) replaceFile(file, makeSecret());
      return readFileSync(file, 'utf8');
    },
    writeSecret: (secrets) => replaceFile(at('secret'), secrets),
  };
}

/** What nginx/mode.sh writes for a container. @throws {FleetError} */
function modeOf({ NGINX_MODE: chosen, NODE_ENV: usual }: NodeJS.ProcessEnv, httpsPort: number): string {
  const mode = chosen || (usual === 'production' ? usual : 'development');
  if (mode !== 'development' && mode !== 'production')
    throw new FleetError(`NGINX_MODE must be development or production, not ${mode}`);
  return readFileSync(path.join(project, `nginx/mode/${mode}.conf`), 'utf8').replace('HTTPS_PORT', String(httpsPort));
}

/** The configuration of the nginx in front of Prometheus, as for containers. */
function gateOf({ published, own }: PrometheusPorts): string {
  const text = readFileSync(path.join(project, 'deploy/prometheus/gate.conf'), 'utf8');
  return text
    .replace('listen 9090;', `listen 127.0.0.1:${published};`)
    .replace('http://prometheus:9090', `https://127.0.0.1:${own}`);
}

/** Replaces nginx/driver/upstreams.conf, which says why there are two. */
function upstreamsOf(replicas: { name: string; port: number }[]): string {
  const groups = { replicas: 'max_fails=2 fail_timeout=1s', every_replica: 'max_fails=0' };
  return Object.entries(groups)
    .map(([group, settings]) => {
      const servers = replicas.map(({ name, port }) => `    server 127.0.0.1:${port} ${settings}; # ${name}\n`);
      return `upstream ${group} {\n    zone ${group} 256k;\n${servers.join('')}    include upstream-keepalive.conf;\n}\n`;
    })
    .join('');
}

/** A reader never sees a partial file. */
function replaceFile(file: string, text: string): void {
  writeFileSync(`${file}.new`, text, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

function makeCertificate(dir: string): string {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const { status, stderr } = spawnSync(path.join(project, 'nginx/certificate.sh'), [dir], { encoding: 'utf8' });
  if (status !== 0) throw new FleetError(`no TLS certificate could be made: ${stderr.trim()}`);
  return dir;
}

export const replicaMain = path.join(project, 'src/main.ts');
/** The session layer, for applications that are not this one. */
export const sessionLayer = path.join(project, 'src/sessions/index.ts');
/** The default folder of the fleet that `unsticky up` starts. */
export const defaultDir = path.join(project, '.unsticky/local');
