/** The kinds of fields (RFC 4251 §5) of which structures are declared: for payloads of one's own. */
export {
  ascii,
  boolean,
  byte,
  fixed,
  list,
  many,
  mpint,
  nameList,
  optional,
  rest,
  string,
  text,
  uint32,
  uint64,
  utf8,
} from './fields.ts';
