-- Tasks, newest first, among very many messages of chats.
CREATE INDEX turns_tasks ON turns (seq) WHERE lane <> '';
