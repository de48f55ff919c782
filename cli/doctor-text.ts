/** The doctor's findings for a person: what is wrong, why it matters, what to do. Pure. */
import type { Finding } from '../doctor/check.ts'
import type { Examined } from '../doctor/examine.ts'
import { displayWidth } from '../init/display-width.ts'
import { count } from '../lib/report/count.ts'
import { visible } from '../lib/report/visible-text.ts'
import type { Colors } from './colors.ts'

/** More of one kind are not read; `--json` has them all. */
const mostShown = 12

export function renderFindings(examined: readonly Examined[], fixed: readonly Finding[], colors: Colors): string {
  const faulty = examined.filter(({ findings }) => findings.some(isFault))
  const well = examined.filter(({ findings }) => !findings.some(isFault))
  const groups = faulty.map((each) => renderGroup(each, colors))
  const fine = wrap(well.flatMap(({ findings }) => findings.map(({ message }) => visible(message))))
  return [
    ...groups,
    ...(fine === '' ? [] : [`${colors.green('✓')} ${fine}`]),
    ...(fixed.length === 0
      ? []
      : [fixed.map((each) => `${colors.green('fixed:')} ${visible(each.message)}`).join('\n')]),
    renderSum(examined.flatMap(({ findings }) => findings)),
  ].join('\n\n')
}

function renderGroup({ check, findings }: Examined, colors: Colors): string {
  const faults = findings.filter(isFault)
  const isError = faults.some(({ severity }) => severity === 'error')
  const mark = isError ? colors.red('✗') : colors.yellow('!')
  const reasons = [...new Set(faults.map(({ why }) => why))]
  const shown = faults.slice(0, mostShown)
  const lines = reasons.flatMap((why) => [
    ...(why === undefined ? [] : [colors.dim(`  ${why}`)]),
    ...shown.filter((finding) => finding.why === why).flatMap((finding) => renderFinding(finding, colors)),
  ])
  const more = faults.length - shown.length
  return [
    `${mark} ${colors.bold(check.title)}`,
    ...lines,
    ...(more > 0 ? [`  and ${more} more: --json lists them all`] : []),
  ].join('\n')
}

function renderFinding({ severity, message, fix, file, line }: Finding, colors: Colors): string[] {
  const place = file === undefined ? '' : `${file}${line === undefined ? '' : `:${line}`}  `
  const mark = severity === 'warning' ? colors.yellow('warning ') : ''
  return [
    `  ${mark}${colors.cyan(visible(place))}${visible(message)}`,
    ...(fix?.split('\n') ?? []).map((each) => `    → ${visible(each)}`),
  ]
}

function renderSum(findings: readonly Finding[]): string {
  const errors = findings.filter(({ severity }) => severity === 'error').length
  const warnings = findings.filter(({ severity }) => severity === 'warning').length
  if (errors + warnings === 0) return 'all is well'
  const fixable = findings.filter(({ repair }) => repair !== undefined).length
  const counts = `${count(errors, 'error')}, ${count(warnings, 'warning')}`
  return fixable === 0 ? counts : `${counts}; fixes ${fixable} of them: agent-isolate doctor --fix`
}

function isFault({ severity }: Finding): boolean {
  return severity !== 'ok'
}

/** The texts one after the other, in lines that fit a terminal. */
function wrap(texts: readonly string[]): string {
  let line = ''
  const lines: string[] = []
  for (const text of texts) {
    const longer = line === '' ? text : `${line}; ${text}`
    const isTooLong = displayWidth(longer) > 76
    if (isTooLong && line !== '') lines.push(`${line};`)
    line = isTooLong ? text : longer
  }
  return [...lines, line].join('\n  ')
}
