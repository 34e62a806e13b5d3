//! Departments' gateways: who is here, who may join (presence, certificates).
