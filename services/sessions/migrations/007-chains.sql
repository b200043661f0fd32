-- The chats whose answers wait for this turn's, eldest first: <bot_id>/<chat_id>, with commas. Null: a person's message.
ALTER TABLE turns ADD COLUMN chain TEXT;
