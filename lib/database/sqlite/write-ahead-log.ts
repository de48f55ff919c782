/**
 * Puts the committed content of a write-ahead log into a copy of its database, as SQLite's own recovery would.
 * The format is at https://sqlite.org/fileformat2.html#the_write_ahead_log.
 */
import { closeSync, fstatSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs'

const headerBytes = 32
const frameHeaderBytes = 24
const magicOfLittleEndianSums = 0x377f0682
const magicOfBigEndianSums = 0x377f0683

type Log = { file: number; pageSize: number; salt: Buffer; isLittleEndian: boolean; sum: Sum }
type Sum = [number, number]
type Frame = { pageNumber: number; pagesAfterCommit: number; page: Buffer }

/** Writes each page of the log's complete transactions to the database; what comes after the last commit is left out. */
export function applyWriteAheadLog(logPath: string, databasePath: string): void {
  const file = openSync(logPath, 'r')
  try {
    const log = readLogHeader(file)
    if (log !== undefined) applyFrames(log, databasePath)
  } finally {
    closeSync(file)
  }
}

function applyFrames(log: Log, databasePath: string): void {
  const committed = countCommittedFrames(log)
  if (committed === 0) return
  const database = openSync(databasePath, 'r+')
  try {
    let pages = 0
    for (let index = 0; index < committed; index++) {
      const { pageNumber, pagesAfterCommit, page } = readFrame(log, index)
      writeSync(database, page, 0, page.length, (pageNumber - 1) * log.pageSize)
      if (pagesAfterCommit > 0) pages = pagesAfterCommit
    }
    ftruncateSync(database, pages * log.pageSize)
  } finally {
    closeSync(database)
  }
}

/** Undefined for an empty log and for one whose header does not hold: SQLite takes both for a log without content. */
function readLogHeader(file: number): Log | undefined {
  const header = Buffer.alloc(headerBytes)
  if (readSync(file, header, 0, headerBytes, 0) < headerBytes) return undefined
  const magic = header.readUInt32BE(0)
  if (magic !== magicOfLittleEndianSums && magic !== magicOfBigEndianSums) return undefined
  const isLittleEndian = magic === magicOfLittleEndianSums
  const sum = addToSum([0, 0], header.subarray(0, 24), isLittleEndian)
  if (!isSum(sum, header, 24)) return undefined
  return { file, pageSize: header.readUInt32BE(8), salt: header.subarray(16, 24), isLittleEndian, sum }
}

/** The frames up to the last commit in the unbroken chain of checksums; those of an older use of the log end it. */
function countCommittedFrames(log: Log): number {
  const frames = Math.floor((fstatSync(log.file).size - headerBytes) / (frameHeaderBytes + log.pageSize))
  let committed = 0
  let sum = log.sum
  for (let index = 0; index < frames; index++) {
    const frame = readRawFrame(log, index)
    if (!frame.subarray(8, 16).equals(log.salt)) break
    sum = addToSum(sum, frame.subarray(0, 8), log.isLittleEndian)
    sum = addToSum(sum, frame.subarray(frameHeaderBytes), log.isLittleEndian)
    if (!isSum(sum, frame, 16)) break
    if (frame.readUInt32BE(4) > 0) committed = index + 1
  }
  return committed
}

function readFrame(log: Log, index: number): Frame {
  const frame = readRawFrame(log, index)
  return {
    pageNumber: frame.readUInt32BE(0),
    pagesAfterCommit: frame.readUInt32BE(4),
    page: frame.subarray(frameHeaderBytes),
  }
}

function readRawFrame({ file, pageSize }: Log, index: number): Buffer {
  const frame = Buffer.alloc(frameHeaderBytes + pageSize)
  readSync(file, frame, 0, frame.length, headerBytes + index * frame.length)
  return frame
}

function addToSum([first, second]: Sum, bytes: Buffer, isLittleEndian: boolean): Sum {
  for (let at = 0; at < bytes.length; at += 8) {
    const [a, b] = isLittleEndian
      ? [bytes.readUInt32LE(at), bytes.readUInt32LE(at + 4)]
      : [bytes.readUInt32BE(at), bytes.readUInt32BE(at + 4)]
    first = (first + a + second) >>> 0
    second = (second + b + first) >>> 0
  }
  return [first, second]
}

function isSum([first, second]: Sum, bytes: Buffer, at: number): boolean {
  return bytes.readUInt32BE(at) === first && bytes.readUInt32BE(at + 4) === second
}
