/** A SQLite database of two small pages, so that a test needs no SQLite of its own: `create table t(x)`, one row, 'forty-two'. */
import { readFileSync, writeFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'

export function writeTinyDatabase(path: string): void {
  writeFileSync(path, gunzipSync(Buffer.from(content, 'base64')))
}

/** Whether the file is a database that has the row. */
export function hasTheRow(path: string): boolean {
  const bytes = readFileSync(path)
  return bytes.subarray(0, 15).toString() === 'SQLite format 3' && bytes.includes('forty-two')
}

const content =
  'H4sIAAAAAAACAwsO9MksSVVIyy/KTSxRMGZgYmBkZHBQUGBgADIhGAYYgZgFjU8IMDHoJTPyghQz3mcAolFAXyDPyCbOz8+oX5KYlJNaUsLkHOTqGOKqEOLo5OOqUKJRoQmJm88MQDQKRgbgZmSSB+b3kkrdkvJ8AG9F8mUABAAA'
