"""The files of this machine, as paramiko's SFTP server wants them: what OpenSSH's server does, and no more."""
import os

import paramiko
from paramiko import SFTPAttributes, SFTPHandle, SFTPServer, SFTPServerInterface


def guarded(method):
    """An OSError is a status."""

    def call(*arguments):
        try:
            return method(*arguments)
        except OSError as error:
            return SFTPServer.convert_errno(error.errno)

    return call


def set_attributes(file, attributes):
    if attributes._flags & attributes.FLAG_PERMISSIONS:
        os.chmod(file, attributes.st_mode)
    if attributes._flags & attributes.FLAG_AMTIME:
        os.utime(file, (attributes.st_atime, attributes.st_mtime))
    if attributes._flags & attributes.FLAG_SIZE:
        os.truncate(file, attributes.st_size)
    return paramiko.SFTP_OK


class Handle(SFTPHandle):
    @guarded
    def stat(self):
        return SFTPAttributes.from_stat(os.fstat(self.readfile.fileno()))

    @guarded
    def chattr(self, attributes):
        return set_attributes(self.readfile.fileno(), attributes)


class Files(SFTPServerInterface):
    @guarded
    def list_folder(self, path):
        entries = []
        for entry in os.scandir(path):
            attributes = SFTPAttributes.from_stat(entry.stat(follow_symlinks=False))
            attributes.filename = entry.name
            entries.append(attributes)
        return entries

    @guarded
    def stat(self, path):
        return SFTPAttributes.from_stat(os.stat(path))

    @guarded
    def lstat(self, path):
        return SFTPAttributes.from_stat(os.lstat(path))

    @guarded
    def open(self, path, flags, attributes):
        mode = getattr(attributes, "st_mode", None) or 0o666
        descriptor = os.open(path, flags, mode)
        kind = {os.O_WRONLY: "wb", os.O_RDWR: "r+b"}.get(flags & os.O_ACCMODE, "rb")
        if flags & os.O_APPEND:
            kind = "a+b" if flags & os.O_RDWR else "ab"
        file = os.fdopen(descriptor, kind, buffering=0)
        handle = Handle(flags)
        handle.readfile = file
        handle.writefile = file
        return handle

    @guarded
    def remove(self, path):
        os.remove(path)
        return paramiko.SFTP_OK

    @guarded
    def rename(self, old, new):
        os.rename(old, new)
        return paramiko.SFTP_OK

    @guarded
    def mkdir(self, path, attributes):
        os.mkdir(path)
        return set_attributes(path, attributes)

    @guarded
    def rmdir(self, path):
        os.rmdir(path)
        return paramiko.SFTP_OK

    @guarded
    def chattr(self, path, attributes):
        return set_attributes(path, attributes)

    @guarded
    def symlink(self, target, path):
        os.symlink(target, path)
        return paramiko.SFTP_OK

    @guarded
    def readlink(self, path):
        return os.readlink(path)

    def canonicalize(self, path):
        return os.path.realpath(path)
