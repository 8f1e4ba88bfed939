/** An error on stderr: one line and indented details for people, one object for programs. */
import { errorChain, type KeelsonError } from '@keelson/shared/errors'
import { type Paint, printable } from '../output/index.ts'

/**
 * "error: <message>" with its causes, and details indented below. Details keep their own
 * indentation; control characters in what others wrote are shown, not obeyed.
 */
export function renderErrorText(error: KeelsonError, paint: Paint): string {
  const lines = [`${paint('error:', 'bad')} ${printable(errorChain(error))}`]
  for (const detail of error.details)
    for (const line of detail.split('\n')) lines.push(`  ${printable(line)}`)
  return lines.map((line) => `${line}\n`).join('')
}

/**
 * `{"code", "message", "details"}`, with `reason` and `report` where there are any.
 * `report` is the API's own JSON already.
 */
export function renderErrorJson(error: KeelsonError): string {
  const object = {
    code: error.code,
    message: errorChain(error),
    details: error.details,
    ...(error.reason === undefined ? {} : { reason: error.reason }),
    ...(error.report === undefined ? {} : { report: error.report }),
  }
  return `${JSON.stringify(object, null, 2)}\n`
}
