/** What is asked of a shared server for a worktree. */
import type { OpenLease } from '../ledger/open-lease.ts'
import type { ServiceConfig } from '../project/services-config.ts'
import type { Deadline } from '../report/deadline.ts'
import type { Reporter } from '../report/reporter.ts'
import type { ServiceUrl } from './service-url.ts'

/** What an engine is given to work with. */
export type ServiceRequest = {
  name: string
  config: ServiceConfig
  url: ServiceUrl
  open: OpenLease
  reporter: Reporter
  deadline: Deadline
}
