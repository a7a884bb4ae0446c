-- What the users of phones have set for their calls, over the defaults of the configuration. An empty value is off.
CREATE TABLE phone_settings (
    phone {id} NOT NULL,
    setting {id} NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (phone, setting)
);
