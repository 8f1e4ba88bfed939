/** Texts that stand where an identity should be and are none. */

/** What makers leave in the tables when nobody filled them in. */
const PLACEHOLDER =
  /^(to be filled.*|not (specified|provided|applicable|available|settable)|none|n\/?a|unknown|default( string)?|system (manufacturer|product name|version|serial number)|(chassis|base ?board) serial number|(no )?asset (tag|information)|oem|o\.e\.m\.?|empty|invalid|0?123456789|x+|\.+|0+|f+)$/i
/** A UUID that many boards share. */
const SHARED_UUID = '03000200-0400-0500-0006-000700080009'

/** Whether a text from firmware says nothing; all-zero serial numbers and UUIDs are among them. */
export function isPlaceholder(text: string): boolean {
  const bare = text.trim()
  if (bare.toLowerCase() === SHARED_UUID) return true
  return PLACEHOLDER.test(bare) || PLACEHOLDER.test(bare.replaceAll('-', ''))
}
