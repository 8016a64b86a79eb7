%% An SSH server on Erlang's ssh that has a few commands of its own, and SFTP: erlang-server.escript FOLDER USER PASSWORD,
%% where FOLDER holds `system` (host keys as PEM), `user` (authorized_keys) and `files` (what SFTP sees). Prints `listening on PORT`.
-module(erlang_server).
-mode(compile).
-export([main/1, init/1, handle_msg/2, handle_ssh_msg/2, handle_call/3, handle_cast/2, code_change/3, terminate/2]).

main([Folder, User, Password]) ->
    {ok, _} = application:ensure_all_started(ssh),
    Options = [{system_dir, filename:join(Folder, "system")},
               {user_dir, filename:join(Folder, "user")},
               {user_passwords, [{User, Password}]},
               {auth_methods, "publickey,keyboard-interactive,password"},
               {parallel_login, true},
               {ssh_cli, {?MODULE, []}},
               {subsystems, [ssh_sftpd:subsystem_spec([{root, filename:join(Folder, "files")}])]}],
    {ok, Daemon} = ssh:daemon({127, 0, 0, 1}, 0, Options),
    {ok, Info} = ssh:daemon_info(Daemon),
    io:format("listening on ~b~n", [proplists:get_value(port, Info)]),
    receive never -> ok end.

%% What a session is: its channel, its connection, and the command.
init(_) -> {ok, none}.

handle_msg(_, State) -> {ok, State}.

handle_ssh_msg({ssh_cm, Connection, {exec, Channel, WantReply, Command}}, _) ->
    ssh_connection:reply_request(Connection, WantReply, success, Channel),
    run(Connection, Channel, string:lexemes(to_list(Command), " "));
handle_ssh_msg({ssh_cm, Connection, {data, Channel, 0, Data}}, cat) ->
    ok = ssh_connection:send(Connection, Channel, Data),
    {ok, cat};
handle_ssh_msg({ssh_cm, _, {data, _, 0, Data}}, {hash, Hash}) ->
    {ok, {hash, crypto:hash_update(Hash, Data)}};
handle_ssh_msg({ssh_cm, Connection, {eof, Channel}}, cat) ->
    finish(Connection, Channel, 0);
handle_ssh_msg({ssh_cm, Connection, {eof, Channel}}, {hash, Hash}) ->
    Digest = binary:encode_hex(crypto:hash_final(Hash)),
    ok = ssh_connection:send(Connection, Channel, string:lowercase(Digest)),
    finish(Connection, Channel, 0);
handle_ssh_msg({ssh_cm, _, {env, _, _, _, _}}, State) -> {ok, State};
handle_ssh_msg(_, State) -> {ok, State}.

run(_, _, ["cat"]) -> {ok, cat};
run(_, _, ["sha256"]) -> {ok, {hash, crypto:hash_init(sha256)}};
run(Connection, Channel, ["both", Status]) ->
    ok = ssh_connection:send(Connection, Channel, 0, <<"out\n">>),
    ok = ssh_connection:send(Connection, Channel, 1, <<"err\n">>),
    finish(Connection, Channel, list_to_integer(Status));
run(Connection, Channel, _) ->
    ok = ssh_connection:send(Connection, Channel, 1, <<"no such command\n">>),
    finish(Connection, Channel, 127).

finish(Connection, Channel, Status) ->
    ssh_connection:exit_status(Connection, Channel, Status),
    ssh_connection:send_eof(Connection, Channel),
    %% who stops is closed
    {stop, Channel, none}.

to_list(Text) when is_binary(Text) -> binary_to_list(Text);
to_list(Text) -> Text.

handle_call(_, _, State) -> {reply, ok, State}.
handle_cast(_, State) -> {noreply, State}.
code_change(_, State, _) -> {ok, State}.
terminate(_, _) -> ok.
