-- What there is by bot and category is asked again and again, and answered from this alone.
CREATE INDEX memories_by_category ON memories (bot_id, category, created_at);
