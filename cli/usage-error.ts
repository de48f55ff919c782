/** A command line that cannot be understood, as against a command that failed. */
import { IsolateError } from '../lib/report/isolate-error.ts'

/** Ends the program with exit code 2 instead of 1. */
export class UsageError extends IsolateError {}
