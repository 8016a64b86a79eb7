/**
 * `rxssh/sftp`: SFTP version 3 (draft-ietf-secsh-filexfer-02, with OpenSSH's extensions) for both roles, over any duplex.
 *
 * @packageDocumentation
 */
export type { ExtendedAttribute, FileAttributes } from './attributes.ts';
export type { SessionOptions } from './client/client-session.ts';
export type { CollectBytesOptions } from './client/collect-bytes.ts';
export type { FileEntry } from './client/directory-reader.ts';
export type { StatvfsReply } from './extensions.ts';
export type {
  DirectoryEntry,
  OpenFlags,
  SftpFile,
  SftpFileSystem,
  UserGroupNames,
} from './server/file-system.ts';
export { type FileName, fileName, joinPath, type Path, pathText } from './file-name.ts';
export type { ReadRange } from './client/file-reader.ts';
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
export type { SftpLimits } from './client/limits.ts';
export {
  memoryFileSystem,
  type MemoryFileSystemOptions,
} from './file-systems/memory-file-system.ts';
export type { OpenMode } from './open-flags.ts';
export { openSftp, type SftpOptions } from './client/open-sftp.ts';
export { type FileTime, PathOperations } from './client/path-operations.ts';
export { RemoteFile } from './client/remote-file.ts';
export {
  type OpenOptions,
  type ReadLinesOptions,
  SftpClient,
  type WriteOptions,
} from './client/sftp-client.ts';
export type { Permit, SftpOperation } from './server/permission.ts';
export { scpServer, type ScpServerOptions } from './scp/scp-server.ts';
export {
  sftpServer,
  type SftpServerChannel,
  type SftpServerOptions,
} from './server/sftp-server.ts';
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
