/** The doctor's findings for a person: what is wrong, why it matters, what to do. Pure. */
import type { Coverage, KindCount } from '../detect/source/coverage.ts'
import type { Finding } from '../doctor/check.ts'
import type { Examined } from '../doctor/examine.ts'
import { displayWidth } from '../init/display-width.ts'
import { count } from '../lib/report/count.ts'
import { visible } from '../lib/report/visible-text.ts'
import type { Colors } from './colors.ts'

/** More of one kind are not read; `--json` has them all. */
const mostShown = 12

export function renderFindings(
  examined: readonly Examined[],
  fixed: readonly Finding[],
  coverage: Coverage,
  colors: Colors,
): string {
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
    renderSum(
      examined.flatMap(({ findings }) => findings),
      coverage,
    ),
  ].join('\n\n')
}

function renderGroup({ check, findings }: Examined, colors: Colors): string {
  const faults = findings.filter(isFault)
  const isError = faults.some(({ severity }) => severity === 'error')
  const mark = isError ? colors.red('✗') : colors.yellow('!')
  const shown = faults.slice(0, mostShown)
  const reasons = [...new Set(shown.map(({ why }) => why))]
  const lines = reasons.flatMap((why) => [
    ...(why === undefined ? [] : [colors.dim(`  ${why}`)]),
    ...clustersOf(shown.filter((finding) => finding.why === why)).flatMap((each) => renderCluster(each, colors)),
  ])
  const more = faults.length - shown.length
  return [
    `${mark} ${colors.bold(check.title)}`,
    ...lines,
    ...(more > 0 ? [`  and ${more} more: --json lists them all`] : []),
  ].join('\n')
}

/** Findings whose advice begins with the same line, each kind of advice where it is met first. */
function clustersOf(findings: readonly Finding[]): Finding[][] {
  const clusters = new Map<string, Finding[]>()
  for (const finding of findings) {
    const key = finding.fix?.split('\n')[0] ?? ''
    clusters.set(key, [...(clusters.get(key) ?? []), finding])
  }
  return [...clusters.values()]
}

/** What all have in common is said once, below them; of many, only that. */
function renderCluster(findings: readonly Finding[], colors: Colors): string[] {
  const advice = findings.map(({ fix }) => fix?.split('\n') ?? [])
  const common = (advice[0] ?? []).filter((line) => advice.every((lines) => lines.includes(line)))
  const isLong = common.length > 0 && findings.length > mostWithOwnAdvice
  const places = findings.flatMap((finding, index) => [
    renderPlace(finding, colors),
    ...(isLong ? [] : (advice[index] ?? []).filter((line) => !common.includes(line)).map(renderAdvice)),
  ])
  return [...places, ...common.map(renderAdvice)]
}

const mostWithOwnAdvice = 3

function renderPlace({ severity, message, file, line }: Finding, colors: Colors): string {
  const place = file === undefined ? '' : `${file}${line === undefined ? '' : `:${line}`}  `
  const mark = severity === 'warning' ? colors.yellow('warning ') : ''
  return `  ${mark}${colors.cyan(visible(place))}${visible(message)}`
}

function renderAdvice(line: string): string {
  return `    → ${visible(line)}`
}

function renderSum(findings: readonly Finding[], coverage: Coverage): string {
  const errors = findings.filter(({ severity }) => severity === 'error').length
  const warnings = findings.filter(({ severity }) => severity === 'warning').length
  const what = describeCoverage(coverage)
  if (errors + warnings === 0) return wrap([`all is well in what was read: ${what[0] ?? ''}`, ...what.slice(1)])
  const fixable = findings.filter(({ repair }) => repair !== undefined).length
  const counts = `${count(errors, 'error')}, ${count(warnings, 'warning')}`
  const sum = fixable === 0 ? counts : `${counts}; fixes ${fixable} of them: agent-isolate doctor --fix`
  return `${sum}\n${wrap([`read: ${what[0] ?? ''}`, ...what.slice(1)])}`
}

/** `34 .ts, 2 compose files`; then what was not read, where there is any. */
function describeCoverage({ read, notRead, skipped }: Coverage): string[] {
  return [
    read.length === 0 ? 'no file of code or settings' : listKinds(read),
    ...(notRead.length === 0 ? [] : [`not read: ${listKinds(notRead)}`]),
    ...(skipped === 0 ? [] : [`passed over: ${count(skipped, 'file')} too large or generated`]),
  ]
}

function listKinds(counts: readonly KindCount[]): string {
  const shown = counts.slice(0, mostKinds).map(({ kind, files }) => nameKind(kind, files))
  const more = counts.slice(mostKinds).reduce((sum, { files }) => sum + files, 0)
  return [...shown, ...(more === 0 ? [] : [`${more} more`])].join(', ')
}

/** More are not read; `--json` has them all. */
const mostKinds = 8

function nameKind(kind: string, files: number): string {
  return / /.test(kind) && !kind.endsWith('s') ? count(files, kind) : `${files} ${visible(kind)}`
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
