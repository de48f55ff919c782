/** Servers that the machine's checkouts share, as the config names them: each worktree gets a name-space of its own on each. */
import { isObject } from '../files/json.ts'
import { IsolateError } from '../report/isolate-error.ts'
import { readSection, type Section } from './config-section.ts'

/** `prefix`: nothing but a text to begin names with. */
export type ServiceKind = (typeof serviceKinds)[number]

const serviceKinds = ['redis', 'mysql', 'mongodb', 'rabbitmq', 'prefix'] as const

export type ServiceConfig = {
  kind: ServiceKind
  /** Of the main checkout's place on the server; `$NAME` in it stands for a variable. '' for a prefix. */
  url: string
  /** The worktree's database starts as a copy of the one in `url` (mysql). */
  isSeeded: boolean
  /** We may connect to another machine. */
  isRemote: boolean
}

/** By name: `redis` is `AGENT_REDIS_URL` in templates. */
export type Services = Readonly<Record<string, ServiceConfig>>

/** `value` is that of the key "services"; `file` is named in errors. Throws `IsolateError`. */
export function readServices(value: unknown, file: string): Services {
  if (value === undefined) return {}
  if (!isObject(value)) throw new IsolateError(`${file}: "services" must be an object, each key the name of a service`)
  return Object.fromEntries(
    Object.entries(value).map(([name, service]) => {
      if (!isServiceName(name)) throw wrongName(name, file)
      return [name, readService(readSection(service, `services.${name}.`, file))]
    }),
  )
}

function readService(section: Section): ServiceConfig {
  const kind = section.choice('kind', serviceKinds) ?? section.fail('kind', `one of ${serviceKinds.join(', ')}`)
  const url =
    kind === 'prefix' ? '' : section.text('url', isFilled, 'the URL of the server, or $NAME of a variable with it')
  const config = {
    kind,
    url: url ?? section.fail('url', 'set'),
    isSeeded: kind === 'mysql' && (section.flag('seed') ?? false),
    isRemote: kind !== 'prefix' && (section.flag('remote') ?? false),
  }
  section.refuseUnknown()
  return config
}

function isFilled(text: string): boolean {
  return text.trim() !== ''
}

/** Not one whose variables would be those of a database or a port. */
function isServiceName(name: string): boolean {
  return /^(?!(?:test_)?database$|db$|port(?:_|$))[a-z][a-z0-9_]{0,30}$/.test(name)
}

function wrongName(name: string, file: string): IsolateError {
  return new IsolateError(`${file}: "services" has a name that cannot be one: ${JSON.stringify(name)}`, {
    hint: 'Lower-case letters, digits and "_", starting with a letter; not "database", "db" or "port".',
  })
}
