/** A sample whose servers listen where nobody else does: two runs of the corpus on one machine are none of each other's business. */
import { findFreePort } from '../support/postgres.ts'
import type { Command, Sample, Server } from './sample.ts'

/** The sample with a free port in the place of each server's own, wherever it stands in its files and commands. */
export async function withFreePorts(sample: Sample): Promise<Sample> {
  const ports = new Map<string, string>()
  for (const { mainPort } of sample.servers ?? []) ports.set(String(mainPort), String(await findFreePort()))
  const replace = (text: string): string => text.replaceAll(/\b\d{4}\b/g, (port) => ports.get(port) ?? port)
  const inAll = (texts: Readonly<Record<string, string>>): Record<string, string> =>
    Object.fromEntries(Object.entries(texts).map(([key, text]) => [key, replace(text)]))
  const inCommand = <T extends Command>(command: T): T => ({ ...command, argv: command.argv.map(replace) })
  const inServer = (server: Server): Server => ({
    ...inCommand(server),
    mainPort: Number(replace(String(server.mainPort))),
  })
  const { local } = sample
  return {
    ...sample,
    files: inAll(sample.files),
    ...(local === undefined ? {} : { local: (around) => inAll(local(around)) }),
    servers: (sample.servers ?? []).map(inServer),
    checks: (sample.checks ?? []).map(inCommand),
  }
}
