/**
 * `rxssh/sftp`: SFTP version 3 (draft-ietf-secsh-filexfer-02, with OpenSSH's extensions) for both roles, over any duplex.
 *
 * @packageDocumentation
 */
export type { ExtendedAttribute, FileAttributes } from './attributes.ts';
export type { SessionOptions } from './client-session.ts';
export type { CollectBytesOptions } from './collect-bytes.ts';
export type { FileEntry } from './directory-reader.ts';
export type { StatvfsReply } from './extensions.ts';
export type {
  DirectoryEntry,
  OpenFlags,
  SftpFile,
  SftpFileSystem,
  UserGroupNames,
} from './file-system.ts';
export { type FileName, fileName, joinPath, type Path, pathText } from './file-name.ts';
export type { ReadRange } from './file-reader.ts';
export {
  type FileType,
  fileType,
  isDirectory,
  isFile,
  isSymbolicLink,
  listingLine,
  type ListingLineOptions,
  modeText,
} from './file-type.ts';
export type { SftpLimits } from './limits.ts';
export { memoryFileSystem, type MemoryFileSystemOptions } from './memory-file-system.ts';
export type { OpenMode } from './open-flags.ts';
export { openSftp, type SftpOptions } from './open-sftp.ts';
export { type FileTime, PathOperations } from './path-operations.ts';
export { RemoteFile } from './remote-file.ts';
export {
  type OpenOptions,
  type ReadLinesOptions,
  SftpClient,
  type WriteOptions,
} from './sftp-client.ts';
export type { Permit, SftpOperation } from './permission.ts';
export { scpServer, type ScpServerOptions } from './scp-server.ts';
export { sftpServer, type SftpServerChannel, type SftpServerOptions } from './sftp-server.ts';
export type { LocalFiles } from './transfer/local-files.ts';
export type {
  FinishOptions,
  MakeFolderOptions,
  SourceFile,
  TargetFile,
  TargetOptions,
  TransferFiles,
} from './transfer/transfer-files.ts';
export type { SkipReason, TransferOptions, TransferProgress } from './transfer/transfer-options.ts';
export type { DiskUsage } from './trees/disk-usage.ts';
export { globFiles, type GlobMatch } from './trees/glob.ts';
export type { MakeFoldersOptions } from './trees/make-folders.ts';
export {
  type Tree,
  type TreeChild,
  type TreeEntry,
  type WalkHooks,
  type WalkOptions,
  walkTree,
} from './trees/walk.ts';
export { StatusCode, statusError, type StatusErrorOptions, type StatusName } from './status.ts';
