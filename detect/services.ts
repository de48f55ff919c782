/** Servers beside the database that a repository uses: what its env files and compose files say of them. Pure, but for `detectServices`, which reads. */
import { splitServer } from '../lib/database/postgres/client/database-url.ts'
import type { ComposeFile, ComposeService } from './compose.ts'
import { isEnvFile, withoutCredentials } from './database.ts'
import { readExpandedValues } from './expanded-env.ts'
import type { ReadFile, RepositoryFiles } from './repository-files.ts'

export type ServiceId = 'redis' | 'mysql' | 'mongodb' | 'rabbitmq' | 'elasticsearch' | 'minio'

/** A variable that leads to one, or a service of a compose file that is one. */
export type FoundService = {
  kind: ServiceId
  /** Where it was read, and the line, from 1. */
  file: string
  line: number
  isTracked: boolean
  /** The variable of an env file: `REDIS_URL`, `REDIS_HOST`, `REDIS_PORT`. Undefined for a compose service. */
  key: string | undefined
  /** Whether the variable holds a whole URL, as "services" of agent-isolate.json wants it. */
  isUrl: boolean
  /** The compose service's name. */
  service: string | undefined
  /** As written, references of the same file followed; undefined where it is not said. Of a compose service this machine. */
  host: string | undefined
  /** On this machine; of a URL without one the usual port. Undefined where nobody can say. */
  port: number | undefined
  /** In the container, of a compose service. */
  containerPort: number | undefined
}

type Known = {
  kind: ServiceId
  /** Of URLs, without `://`. */
  scheme: RegExp
  /** Of variables whose URL is one of http, and of those that hold a host or a port. */
  key: RegExp
  /** Of the last part of an image's name. */
  image: RegExp
  /** That the client is told of. */
  port: number
}

const known: readonly Known[] = [
  {
    kind: 'redis',
    scheme: /^(?:redis|valkey)s?$/i,
    key: /(?:^|_)(?:REDIS|VALKEY)(?:_|$)/,
    image: /^(?:redis(?:-stack(?:-server)?)?|valkey|keydb|dragonfly)$/,
    port: 6379,
  },
  {
    kind: 'mysql',
    scheme: /^(?:jdbc:)?(?:mysql2?|mariadb|trilogy)(?:\+\w+)?$/i,
    key: /(?:^|_)(?:MYSQL|MARIADB)(?:_|$)/,
    image: /^(?:mysql(?:-server)?|mariadb|percona(?:-server)?)$/,
    port: 3306,
  },
  {
    kind: 'mongodb',
    scheme: /^mongodb(?:\+srv)?$/i,
    key: /(?:^|_)MONGO(?:DB)?(?:_|$)/,
    image: /^(?:mongo|mongodb|mongodb-community-server)$/,
    port: 27_017,
  },
  {
    kind: 'rabbitmq',
    scheme: /^amqps?$/i,
    key: /(?:^|_)(?:RABBIT(?:MQ)?|AMQP)(?:_|$)/,
    image: /^rabbitmq$/,
    port: 5672,
  },
  {
    kind: 'elasticsearch',
    scheme: /^elasticsearch$/i,
    key: /(?:^|_)(?:ELASTIC(?:SEARCH)?|OPENSEARCH|ES)(?:_|$)/,
    image: /^(?:elasticsearch|opensearch)$/,
    port: 9200,
  },
  { kind: 'minio', scheme: /^s3$/i, key: /(?:^|_)(?:MINIO|S3)(?:_|$)/, image: /^minio$/, port: 9000 },
]

/** Of the env files of every folder, and of the compose files as `detectCompose` has read them. */
export function detectServices(
  { tracked, untracked }: RepositoryFiles,
  compose: readonly ComposeFile[],
  read: ReadFile,
): FoundService[] {
  const inEnv = (paths: readonly string[], isTracked: boolean): FoundService[] =>
    paths
      .filter(isEnvFile)
      .flatMap((file) => findEnvServices(read(file) ?? '').map((one) => ({ ...one, file, isTracked })))
  const inCompose = compose.flatMap(({ path, services }) =>
    services.flatMap((service) => findComposeServices(service).map((one) => ({ ...one, file: path, isTracked: true }))),
  )
  return [...inEnv(tracked, true), ...inEnv(untracked, false), ...inCompose]
}

type Found = Omit<FoundService, 'file' | 'isTracked'>

/** The variables of an env file that lead to such a server; an empty value says nothing. */
export function findEnvServices(text: string): Found[] {
  return readExpandedValues(text).flatMap(({ key, value, line }) => {
    const found = readVariable(key, value)
    return found === undefined ? [] : [{ ...found, key, line, service: undefined, containerPort: undefined }]
  })
}

/** What the value of a variable leads to; undefined for anything else. */
export function readVariable(
  key: string,
  value: string,
): Pick<FoundService, 'kind' | 'host' | 'port' | 'isUrl'> | undefined {
  const [, scheme = '', rest = ''] = /^((?:jdbc:)?[a-z][a-z0-9+.-]*):\/\/(\S*)$/i.exec(value.trim()) ?? []
  const byScheme = known.find((one) => one.scheme.test(scheme))
  const byKey = known.find((one) => one.key.test(key))
  if (byScheme !== undefined) return { kind: byScheme.kind, isUrl: true, ...addressOf(rest, byScheme.port) }
  if (byKey === undefined) return undefined
  if (/^https?$/i.test(scheme)) return { kind: byKey.kind, isUrl: true, ...addressOf(rest, byKey.port) }
  const isHost = /_(?:HOST|HOSTNAME|SERVER)$/.test(key) && /^[\w.[\]:-]+$/.test(value)
  if (isHost) return { kind: byKey.kind, isUrl: false, host: value, port: undefined }
  const isPort = key.endsWith('_PORT') && /^\d{2,5}$/.test(value)
  return isPort ? { kind: byKey.kind, isUrl: false, host: undefined, port: Number(value) } : undefined
}

/** What is behind `://`, without user and password. */
function addressOf(rest: string, usual: number): Pick<FoundService, 'host' | 'port'> {
  const { host: hosts } = splitServer(withoutCredentials(rest))
  const [, host = '', port = ''] = /^(\[[^\]]*\]|[^:,]*)(?::([^,]*))?/.exec(hosts) ?? []
  const number = port === '' ? usual : /^\d+$/.test(port) ? Number(port) : undefined
  return { host: host === '' ? undefined : host, port: number }
}

/** What a service's image is; more than one of it where several ports are published, none where its image is another. */
export function findComposeServices({ name, image = '', ports }: ComposeService): Found[] {
  const kind = serviceOfImage(image)
  if (kind === undefined) return []
  const usual = known.find((one) => one.kind === kind)?.port
  const main = ports.find(({ target }) => target === usual) ?? ports[0]
  const base = { kind, key: undefined, isUrl: false, service: name, host: undefined }
  return [{ ...base, line: main?.line ?? 1, port: main?.published, containerPort: main?.target ?? usual }]
}

/** `docker.io/library/redis:7-alpine`, `bitnami/redis`, `valkey/valkey:${TAG}`: undefined for an image of anything else. */
export function serviceOfImage(image: string): ServiceId | undefined {
  const plain = image.replace(/\$\{\w+:?-([^${}]*)\}/g, '$1')
  const last = plain.replace(/@.*$/, '').split('/').at(-1)?.replace(/:.*$/, '') ?? ''
  return known.find((one) => one.image.test(last))?.kind
}
