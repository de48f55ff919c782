/** What a framework is advised to read, under the name that its port has everywhere. Pure. */
import type { Framework } from './framework.ts'
import type { PortNames } from './port-names.ts'

/** Advice with the variable of the leased port that the server in its folder has. */
export function nameAdvice(frameworks: readonly Framework[], { ofFolder, ofPort }: PortNames): Framework[] {
  return frameworks.map((framework) => {
    const name = ofFolder.get(framework.folder)
    const { portAdvice } = framework
    if (portAdvice === undefined || name === undefined || name === 'app') return framework
    const [port] = [...ofPort].find(([, each]) => each === name) ?? []
    const named = portAdvice.line.replace(/\bPORT\b/, `${name.toUpperCase()}_PORT`)
    const line = port === undefined ? named : named.replace(/(?<=\|\| |:-)\d+/, String(port))
    return { ...framework, portAdvice: { ...portAdvice, line } }
  })
}
